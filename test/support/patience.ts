/** For `vi.waitFor` and `vi.waitUntil`: what comes a moment later may take its time on a busy machine. */
export const patiently = { timeout: 20_000, interval: 50 }
