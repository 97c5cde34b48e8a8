// A few line drawings, always beside words: they are hidden from assistive technology.

const PATHS = {
  balance: "M4 7.5h13.5A2.5 2.5 0 0 1 20 10v7a2.5 2.5 0 0 1-2.5 2.5h-11A2.5 2.5 0 0 1 4 17V6.5A1.5 1.5 0 0 1 5.5 5H17M16 13.5h.01",
  payouts: "M4 7h11m0 0-3-3m3 3-3 3M20 17H9m0 0 3 3m-3-3 3-3",
  earnings: "M8 7V5.500A1.500 1.500 0 0 1 9.500 4h5A1.500 1.500 0 0 1 16 5.500V7M5.500 7h13A1.500 1.500 0 0 1 20 8.500v9a1.500 1.500 0 0 1-1.500 1.500h-13A1.500 1.500 0 0 1 4 17.500v-9A1.500 1.500 0 0 1 5.500 7M12 15.500v-5m0 0-2 2m2-2 2 2",
  bank: "M4 10 12 5l8 5M5.500 10v7m4.300-7v7m4.400-7v7m4.300-7v7M4 19.500h16",
  bell: "M6.500 10a5.500 5.500 0 0 1 11 0c0 4.500 2 6 2 6h-15s2-1.500 2-6M10 19a2.200 2.200 0 0 0 4 0",
  review: "M12 4 5 6.500v5c0 4.300 3 7.300 7 8.500 4-1.200 7-4.200 7-8.500v-5L12 4m-3 8 2.200 2.200L15.300 10",
  attention: "M12 4.500 3.500 19h17L12 4.500M12 10v4m0 2.600v.01",
  batch: "M4 8.500 12 4.500l8 4-8 4-8-4m0 3.800 8 4 8-4M4 16l8 4 8-4",
  health: "M3.500 12.500h4l2.200-6 4.300 11 2.300-5h4.200",
  cases: "M9 7V5.500A1.500 1.500 0 0 1 10.500 4h3A1.500 1.500 0 0 1 15 5.500V7M5.500 7h13A1.500 1.500 0 0 1 20 8.500v9a1.500 1.500 0 0 1-1.500 1.500h-13A1.500 1.500 0 0 1 4 17.500v-9A1.500 1.500 0 0 1 5.500 7M4 12.500h16",
  scales: "M12 4v16m-4 0h8M5 8h14M5 8l-2.500 5.500a2.800 2.800 0 0 0 5 0L5 8m14 0-2.500 5.500a2.800 2.800 0 0 0 5 0L19 8",
  pause: "M9 6v12m6-12v12",
  check: "m5 12.500 4.500 4.500L19 7.500",
  cross: "m6.500 6.500 11 11m0-11-11 11",
  arrow: "M5 12h14m0 0-5-5m5 5-5 5",
  back: "M19 12H5m0 0 5-5m-5 5 5 5",
  out: "M14 5h5v5m0-5-8 8M10 5H6.500A1.500 1.500 0 0 0 5 6.500v11A1.500 1.500 0 0 0 6.500 19h11a1.500 1.500 0 0 0 1.500-1.500V14",
  menu: "M4 7h16M4 12h16M4 17h16",
  leave: "M10 5H6.500A1.500 1.500 0 0 0 5 6.500v11A1.500 1.500 0 0 0 6.500 19H10m5-11 4 4-4 4m4-4H10",
  download: "M12 4v11m0 0-4-4m4 4 4-4M5 19.500h14",
  plus: "M12 5v14M5 12h14",
  clock: "M12 7.500V12l3 2M20 12a8 8 0 1 1-16 0 8 8 0 0 1 16 0",
  trash: "M5 7h14M10 7V5h4v2M7 7l.8 12h8.400L17 7",
  keyboard: "M4.500 7h15A1.500 1.500 0 0 1 21 8.500v7a1.500 1.500 0 0 1-1.500 1.500h-15A1.500 1.500 0 0 1 3 15.500v-7A1.500 1.500 0 0 1 4.500 7M7 10.500h.01m3.300 0h.01m3.300 0h.01m3.300 0h.01M8 14h8",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.75" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
