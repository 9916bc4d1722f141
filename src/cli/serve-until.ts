import type { RequestListener } from 'node:http'
import { isLoopback, type Plumbing, problemLine } from '#config'
import { apply } from '#declare'
import { listen, type Listening, type Passing } from '#http'
import type { Installation } from '#installation'
import { refuse } from '#kernel'
import { declarationIn } from './apply.ts'
import type { Machine } from '#terminal'
import { createLog, type Log } from './log.ts'
import { portHolder } from './port-holder.ts'
import type { Program } from './program.ts'
import type { ServeSteps } from './serve.ts'
import { setupLinkIfUnclaimed } from './setup-link.ts'

/** How long requests under way may take to finish once the process is asked to end. */
const drainSeconds = 10

/** Answers requests until `stopped` resolves, then lets those under way finish. The installation stays open. */
export async function serveUntil(
  stopped: Promise<void>,
  machine: Machine,
  {
    program,
    installation,
    steps,
  }: { readonly program: Program; readonly installation: Installation; readonly steps: ServeSteps },
): Promise<void> {
  const { config } = program
  const format = config.logFormat === 'auto' ? (machine.isTerminal ? 'text' : 'json') : config.logFormat
  const log = createLog({ level: config.logLevel, format }, (line) => machine.out(line))
  if (installation.applied.length > 0) log.info({ migrations: installation.applied }, 'migrated')
  await steps.before?.(program, installation)
  await applyFile(machine, program, installation, log)
  const app = await program.createApp({ database: installation.database, vault: installation.vault, log })
  try {
    const listening = [...(await listenEverywhere(app.handler, config))]
    try {
      const { gateway } = app
      if (gateway !== undefined) {
        const place = { ...config, port: gateway.port }
        listening.push(...(await listenEverywhere(gateway.handler, place, gateway)))
      }
      await installation.share()
      const link = await setupLinkIfUnclaimed(machine, program, installation.database)
      if (format === 'text') machine.out(banner(machine, config, link) + (steps.epilogue?.() ?? ''))
      else announce(log, machine, config, link)
      await stopped
      log.info({}, 'stopping')
    } finally {
      app.hangUp()
      await Promise.all(listening.map((each) => each.drain(drainSeconds)))
    }
  } finally {
    await app.close()
  }
}

/** Applies what the operator's signet.yaml declares, at every start (it changes nothing a second time). */
async function applyFile(
  machine: Machine,
  program: Program,
  installation: Installation,
  log: Log,
): Promise<void> {
  const { file, settings } = program.config
  if (file === undefined) return
  const needs = await program.applyNeeds(installation)
  const applied = await apply(needs, declarationIn(machine, file.name), Object.keys(settings))
  for (const note of applied.notes)
    log.warn({ place: problemLine(note) }, 'a policy allows what is probably not meant')
  if (applied.things.length > 0) log.info({ file: file.name, ...applied.counts }, 'applied')
}

/** Loopback in both families while only this machine is meant; otherwise the address that was set, or every address. */
async function listenEverywhere(
  handler: RequestListener,
  config: Pick<Plumbing, 'host' | 'port' | 'publicUrl'>,
  passing?: Passing,
): Promise<readonly Listening[]> {
  const local = config.host === undefined && isLoopback(config.publicUrl.hostname)
  const hosts = local ? ['127.0.0.1', '::1'] : [config.host]
  const up: Listening[] = []
  for (const host of hosts) {
    try {
      up.push(await listen(handler, { host, port: config.port }, passing))
    } catch (thrown) {
      const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)
      // A machine without IPv6 still has the other loopback address.
      if (host === '::1' && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) continue
      await Promise.all(up.map((each) => each.drain(0)))
      cannotListen(config.port, host, code)
    }
  }
  return up
}

function cannotListen(port: number, host: string | undefined, code: string): never {
  if (code === 'EADDRINUSE') {
    const holder = portHolder(port)
    refuse(
      'conflict',
      'cli/port-taken',
      `Port ${port} is taken${holder === undefined ? '' : ` by ${holder}`}. Stop that program, or set PORT (and PUBLIC_URL) to another one.`,
    )
  }
  const why: Readonly<Record<string, string>> = {
    EACCES: `Port ${port} needs more rights than this user has. Set PORT to one above 1023 and let your proxy listen on ${port}.`,
    EADDRNOTAVAIL: `This machine has no address ${host ?? ''}. Set HOST to one of its own addresses, or leave it unset.`,
    ENOTFOUND: `The host name ${host ?? ''} is not known. Set HOST to an address of this machine, or leave it unset.`,
  }
  return refuse(
    'conflict',
    'cli/cannot-listen',
    why[code] ?? `Signet cannot listen on port ${port} (${code}).`,
  )
}

const embeddedLimits =
  'Embedded database: fine for trying and for small teams. It survives a crash of this process, not a power cut. For production set DATABASE_URL to PostgreSQL.'

/** What a person reads at the end of a start. */
function banner(machine: Machine, config: Plumbing, link: string | undefined): string {
  const lines = [
    '',
    `Signet ${machine.version} is ready.`,
    '',
    `  Open       ${config.publicUrl.origin}`,
    `  Data       ${config.dataDir}`,
    `  Database   ${config.databaseUrl === undefined ? 'embedded' : 'PostgreSQL'}`,
    ...(link === undefined
      ? []
      : [`  Set up     ${link}`, '             (valid for 30 minutes, once; again with: signet setup-link)']),
    '',
    ...(config.databaseUrl === undefined ? [embeddedLimits, ''] : []),
  ]
  return `${lines.join('\n')}\n`
}

/** The same for machines. */
function announce(log: Log, machine: Machine, config: Plumbing, link: string | undefined): void {
  if (config.databaseUrl === undefined) log.warn({}, embeddedLimits)
  if (link !== undefined)
    log.info({ setupLink: link }, 'This instance is unclaimed: open the setup link within 30 minutes')
  // Last of all: whoever waits for "ready" has then read everything else.
  log.info(
    {
      version: machine.version,
      url: config.publicUrl.origin,
      dataDirectory: config.dataDir,
      database: config.databaseUrl === undefined ? 'embedded' : 'postgres',
    },
    'ready',
  )
}
