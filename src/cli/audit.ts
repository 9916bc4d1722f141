import { setTimeout } from 'node:timers/promises'
import { listEvents } from '#audit'
import type { Database } from '#database'
import { openInstallation } from '#installation'
import { refuse } from '#kernel'
import type { Command, Machine } from '#terminal'
import type { OpenProgram } from './program.ts'

/** `signet audit`: events in the order of time, as text on a terminal and as JSON lines elsewhere. */
export const auditCommand = (open: OpenProgram): Command => ({
  name: 'audit',
  summary: 'List what happened; piped or with --json, export it as JSON lines.',
  options: {
    since: {
      type: 'string',
      value: 'WHEN',
      help: 'from then on: 2026-11-22T10:00:00Z, 2026-11-22, or 2h, 7d ago',
    },
    until: { type: 'string', value: 'WHEN', help: 'before then' },
    name: { type: 'string', value: 'EVENT', help: 'only this event: AssumeRole, ConsoleLogin, …' },
    user: { type: 'string', value: 'TEXT', help: 'only actors with this in their ARN or id' },
    follow: { type: 'boolean', short: 'f', help: 'go on with what happens from now on' },
    json: { type: 'boolean', help: 'JSON lines in CloudTrail’s shape, also on a terminal' },
  },
  async run(machine, input) {
    const filter = {
      since: instant(machine, input.text('since')),
      until: instant(machine, input.text('until')),
      name: input.text('name'),
      actor: input.text('user'),
    }
    const { config } = await open()
    const installation = await openInstallation({ ...machine, config }, { shared: true })
    const print = machine.isTerminal && !input.flag('json') ? line : (body: string) => `${body}\n`
    const stopping = new AbortController()
    machine.onStop(() => stopping.abort())
    const rest = () => setTimeout(1_000, undefined, { signal: stopping.signal }).catch(() => {})
    try {
      let after: string | undefined
      do {
        after = await printFrom(installation.database, filter, after, (body) => machine.out(print(body)))
        if (input.flag('follow')) await rest()
      } while (input.flag('follow') && !stopping.signal.aborted)
    } finally {
      await installation.close()
    }
    return 0
  },
})

type Filter = Parameters<typeof listEvents>[1]

/** Prints page after page. @returns the last event's id */
async function printFrom(
  database: Database,
  filter: Filter,
  from: string | undefined,
  print: (body: string) => void,
): Promise<string | undefined> {
  let after = from
  for (;;) {
    const page = await listEvents(database, { ...filter, after, limit: 1_000 })
    for (const { body } of page) print(body)
    after = page.at(-1)?.id ?? after
    if (page.length < 1_000) return after
  }
}

/** One event in one line of text. */
function line(body: string): string {
  const event = JSON.parse(body) as {
    eventTime: string
    eventName: string
    userIdentity: { arn?: string; principalId?: string; invokedBy?: string; type: string }
    sourceIPAddress: string
    errorCode?: string
    resources?: readonly { ARN: string }[]
  }
  const { arn, principalId, invokedBy, type } = event.userIdentity
  return `${[
    event.eventTime,
    event.eventName.padEnd(26),
    event.errorCode ?? 'ok',
    arn ?? principalId ?? invokedBy ?? type,
    ...(event.resources ?? []).map(({ ARN }) => ARN),
    event.sourceIPAddress,
  ].join('  ')}\n`
}

/** `7d`, `2h`, `30m`, `45s` ago, a day in UTC, or an instant. @throws Failure malformed cli/when */
function instant(machine: Machine, text: string | undefined): Temporal.Instant | undefined {
  if (text === undefined) return undefined
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }
  if (amount !== undefined && unit !== undefined)
    return machine.clock().subtract({ seconds: Number(amount) * (seconds[unit] ?? 0) })
  try {
    return Temporal.Instant.from(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text)
  } catch {
    return refuse(
      'malformed',
      'cli/when',
      `"${text}" is no time. Write 2026-11-22T10:00:00Z, 2026-11-22, or 2h, 7d for so long ago.`,
    )
  }
}
