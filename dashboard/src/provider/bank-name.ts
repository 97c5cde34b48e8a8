import { useQuery } from "@tanstack/react-query";

import { banks } from "./queries.ts";

/** The bank's name; its code while the list is on its way, or where it is not in it. */
export function useBankName(): (code: string) => string {
  const { data } = useQuery(banks);
  return (code) => data?.find((bank) => bank.code === code)?.name ?? `Bank ${code}`;
}
