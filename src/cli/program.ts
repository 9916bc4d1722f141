import type { RequestListener } from 'node:http'
import type { Config } from '#config'
import type { Vault } from '#crypto'
import type { Database } from '#database'
import type { ApplyNeeds } from '#declare'
import type { Log } from './log.ts'

/** The application over an open installation: what answers requests, and how it ends. */
export type App = {
  readonly handler: RequestListener
  /** What listens on a port of its own, where one is set. */
  readonly gateway?:
    { readonly port: number; readonly idleSeconds: number; readonly handler: RequestListener } | undefined
  /** Ends answers that would go on for ever, so that the server can go down at once. */
  hangUp(): void
  /** Stops timers and listeners; the database is closed by who opened it. */
  close(): Promise<void>
}

/** What `main` hands to the commands: the settings of this deployment and the application built from them. */
export type Program = {
  readonly config: Config
  createApp(needs: { readonly database: Database; readonly vault: Vault; readonly log: Log }): Promise<App>
  /** What applying a declaration to this installation takes. */
  applyNeeds(needs: { readonly database: Database; readonly vault: Vault }): Promise<ApplyNeeds>
}

/**
 * Reads the settings and gives the program.
 *
 * @throws Failure malformed config/invalid with every mistake in them
 */
export type OpenProgram = () => Promise<Program>
