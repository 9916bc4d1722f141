import { defineConfig } from 'vitest/config'

/** `npm test`: everything that needs npm packages alone. Tests with third-party programs are in test/peers. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/peers/**'],
    globalSetup: ['test/support/template.ts'],
    pool: 'forks',
    expect: { poll: { timeout: 20_000, interval: 20 } },
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: process.env['CI'] ? ['default'] : ['dot'],
  },
})
