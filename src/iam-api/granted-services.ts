import type { Policy } from '#policy'

/** Whether a pattern of an Action element reaches into a service. */
const reaches = (pattern: string, service: string): boolean => {
  const [prefix = ''] = pattern.split(':', 1)
  const expression = prefix
    .replaceAll(/[^\w*?-]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${expression}$`).test(service)
}

/** Whether a policy allows anything in a service: of NotAction all but what is left out as a whole. */
export const grantsService = ({ statements }: Policy, service: string): boolean =>
  statements.some(
    ({ effect, actions }) =>
      effect === 'Allow' &&
      (actions.not
        ? !actions.patterns.some(({ text }) => text === '*' || text === `${service}:*`)
        : actions.patterns.some(({ text }) => reaches(text, service))),
  )

/**
 * The services that policies name in what they allow, and of `known` those that they reach by a wildcard.
 *
 * @param known services that exist, whether a policy names them or not
 */
export function grantedServices(policies: readonly Policy[], known: readonly string[]): readonly string[] {
  const named = policies.flatMap(({ statements }) =>
    statements.flatMap(({ effect, actions }) =>
      effect === 'Allow' && !actions.not
        ? actions.patterns.flatMap(({ text }) => {
            const [prefix = ''] = text.split(':', 1)
            return /^[\w-]+$/.test(prefix) ? [prefix] : []
          })
        : [],
    ),
  )
  const reached = known.filter((service) => policies.some((policy) => grantsService(policy, service)))
  return [...new Set([...named, ...reached])].toSorted()
}
