// One payout that waits for a decision: what the queue's story multiplies.

import { ask, until } from "../stack.js";

await until(await ask("Bisi Adewale", "500.00"), (seen) => seen.waiting?.waiting_for === "decision");
