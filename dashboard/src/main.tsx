import "@fontsource-variable/public-sans/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { queries } from "./api/queries.ts";
import { followChanges } from "./live/stream.ts";
import { router } from "./router.tsx";

const app = document.getElementById("app");
if (!app) throw new Error("index.html has no #app");

followChanges();
createRoot(app).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
