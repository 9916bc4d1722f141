import { createMongoAbility, subject } from '@casl/ability'
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import { newEnforcer, newModelFromString, StringAdapter } from 'casbin'
import type { Question, Rule } from './workload.ts'

/**
 * Other engines on the same rules. Each gets what suits it: rules prepared once, actions named one by one, patterns compiled
 * once. What they are not made for they pay for: Cedar in WebAssembly turns every request into JSON, casbin asks every rule.
 * A question is put into the engine's own form first; what is answered says whether the answer is Allow.
 */
export type Engine = (question: Question) => () => boolean

const expression = (glob: string): RegExp =>
  new RegExp(`^${glob.replaceAll(/[.+?^${}()|[\]\\/]/g, '\\$&').replaceAll('*', '[^]*')}$`)

/** CASL has no Deny that wins: rules that forbid come last, where they are asked first. */
export function casl(rules: readonly Rule[]): Engine {
  const inOrder = [...rules].toSorted((a, b) => Number(a.effect === 'Deny') - Number(b.effect === 'Deny'))
  const ability = createMongoAbility(
    inOrder.map(({ effect, actions, resource, inside }) => ({
      action: [...actions],
      subject: 'Resource',
      inverted: effect === 'Deny',
      conditions: {
        arn: { $regex: expression(resource) },
        ...(inside && { ip: { $regex: /^10\./ } }),
      },
    })),
  )
  return ({ action, resource, ip }) => {
    const about = subject('Resource', { arn: resource, ip })
    return () => ability.can(action, about)
  }
}

const model = `
[request_definition]
r = act, arn, ip
[policy_definition]
p = act, arn, ip, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && like(r.arn, p.arn) && like(r.ip, p.ip)
`

/** casbin, with a function for patterns that compiles each once. */
export async function casbin(rules: readonly Rule[]): Promise<Engine> {
  const lines = rules.flatMap(({ effect, actions, resource, inside }) =>
    actions.map((action) => `p, ${action}, ${resource}, ${inside ? '10.*' : '*'}, ${effect.toLowerCase()}`),
  )
  const enforcer = await newEnforcer(newModelFromString(model), new StringAdapter(lines.join('\n')))
  const compiled = new Map<string, RegExp>()
  await enforcer.addFunction('like', (text: string, glob: string) => {
    let found = compiled.get(glob)
    if (!found) {
      found = expression(glob)
      compiled.set(glob, found)
    }
    return found.test(text)
  })
  return ({ action, resource, ip }) =>
    () =>
      enforcer.enforceSync(action, resource, ip)
}

/** Cedar, its policies parsed once and kept on its side. */
export function cedar(name: string, rules: readonly Rule[]): Engine {
  const text = rules.map(({ effect, actions, resource, inside }) => {
    const named = actions.map((action) => `Action::"${action}"`).join(', ')
    const where = inside ? ' && context.ip.isInRange(ip("10.0.0.0/8"))' : ''
    const verb = effect === 'Allow' ? 'permit' : 'forbid'
    return `${verb}(principal, action in [${named}], resource) when { context.arn like "${resource}"${where} };`
  })
  const parsed = preparsePolicySet(name, { staticPolicies: text.join('\n') })
  if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed))
  return ({ action, resource, ip }) => {
    const call: Parameters<typeof statefulIsAuthorized>[0] = {
      principal: { type: 'User', id: 'alice' },
      action: { type: 'Action', id: action },
      resource: { type: 'Resource', id: resource },
      context: { arn: resource, ip: { __extn: { fn: 'ip', arg: ip } } },
      preparsedPolicySetId: name,
      entities: [],
    }
    return () => {
      const answer = statefulIsAuthorized(call)
      if (answer.type !== 'success') throw new Error(JSON.stringify(answer))
      return answer.response.decision === 'allow'
    }
  }
}
