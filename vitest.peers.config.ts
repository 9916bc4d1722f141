import { defineConfig } from 'vitest/config'

/** `npm run test:peers`: tests with third-party programs, which scripts/peers.sh installs first. */
export default defineConfig({
  test: {
    include: ['test/peers/**/*.test.ts'],
    globalSetup: ['test/support/template.ts'],
    pool: 'forks',
    expect: { poll: { timeout: 20_000, interval: 20 } },
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: process.env['CI'] ? ['default'] : ['dot'],
  },
})
