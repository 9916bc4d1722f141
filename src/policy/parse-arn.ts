import type { ArnPattern } from './ast.ts'
import type { CheckCode } from './checks.ts'
import { literalOf, splitFields, variablesOf, type Pattern } from './pattern.ts'

export type Complaint = { readonly code: CheckCode; readonly message: string }

const fieldNames = ['prefix', 'partition', 'service', 'region', 'account', 'resource'] as const

/**
 * What is wrong with a Resource entry other than `*`: an ARN of six fields, or fewer where the last ends in `*` (which may
 * cross colons, IAM User Guide reference_policies_elements_resource). Variables stand after the fifth colon only.
 */
export function resourceComplaints(pattern: Pattern): Complaint[] {
  const fields = splitFields(pattern, 6)
  if (literalOf(fields[0] ?? pattern) !== 'arn') {
    return [
      { code: 'ARN_PREFIX', message: `"${pattern.text}" is neither "*" nor an ARN that starts with "arn:"` },
    ]
  }
  if (fields.slice(0, 5).some((field) => variablesOf(field).length > 0)) {
    return [
      {
        code: 'VARIABLE_BEFORE_RESOURCE',
        message: 'A variable stands only after the fifth colon of a resource ARN',
      },
    ]
  }
  const last = fields.at(-1)?.tokens.at(-1)
  const open = typeof last === 'object' && last.kind === 'many'
  if (fields.length < 6 && !open) {
    return [
      {
        code: 'ARN_MISSING_FIELD',
        message: `The ARN ends after its ${fieldNames[fields.length - 1]}; it has arn:partition:service:region:account:resource`,
      },
    ]
  }
  return fieldComplaints(fields)
}

/** Fields 2 to 5 of an ARN, each only as far as it is literal. */
export function fieldComplaints(fields: readonly Pattern[]): Complaint[] {
  const found: Complaint[] = []
  const literal = (at: number) => (fields[at] ? literalOf(fields[at]) : undefined)
  const partition = literal(1)
  const service = literal(2)
  const region = literal(3)
  const account = literal(4)
  if (partition !== undefined && !/^[a-z][a-z0-9-]*$/.test(partition)) {
    found.push({ code: 'ARN_PARTITION', message: `"${partition}" is not a partition such as aws or signet` })
  }
  if (service !== undefined && service !== service.toLowerCase()) {
    found.push({ code: 'ARN_SERVICE_CASE', message: `Write the service "${service}" in lower case` })
  } else if (service !== undefined && !/^[a-z0-9][a-z0-9._-]*$/.test(service)) {
    found.push({ code: 'ARN_SERVICE', message: `"${service}" is not a service` })
  }
  if (region && !/^[a-z0-9-]+$/.test(region)) {
    found.push({ code: 'ARN_REGION', message: `"${region}" is not a region` })
  }
  if (account && account !== 'aws' && !/^\d{12}$/.test(account)) {
    found.push({ code: 'ARN_ACCOUNT', message: `"${account}" is not an account id of 12 digits` })
  }
  if (fields.length === 6 && fields[5]?.tokens.length === 0) {
    found.push({ code: 'ARN_RESOURCE', message: 'The ARN names no resource after the fifth colon' })
  }
  return found
}

/**
 * The value of an ARN operator: six fields, compared one by one, or a lone `*`. Fields are counted before variables are
 * filled in, so a value with colons cannot move what follows it into another field.
 */
export function readArnPattern(pattern: Pattern): ArnPattern | Complaint {
  if (pattern.text === '*') return { text: pattern.text, any: true, fields: [] }
  const fields = splitFields(pattern, 6)
  if (fields.length < 6) {
    return {
      code: 'VALUE_NOT_ARN',
      message: `"${pattern.text}" has fewer than the six fields arn:partition:service:region:account:resource`,
    }
  }
  if (literalOf(fields[0] ?? pattern) !== 'arn') {
    return { code: 'VALUE_NOT_ARN', message: `"${pattern.text}" does not start with "arn:"` }
  }
  return { text: pattern.text, any: false, fields }
}
