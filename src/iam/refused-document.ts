import type { DocumentType, Finding } from '#policy'

/**
 * Why a document was refused: first the sentence that AWS has for it, since tools look for it, then what is wrong and
 * where, since people do.
 */
export function refusedDocument(text: string, type: DocumentType, findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === 'error')
  // An action that fits no trust policy fits no principal either, which stands before it.
  const first = errors.find(({ code }) => code === 'ACTION_NOT_ALLOWED') ?? errors[0]
  if (first === undefined) return 'The policy cannot be read.'
  const found = `${first.message} (${first.path}, line ${first.line})`
  const known = sentences[type]
  return known === undefined ? found : `${known(first, text)} ${found}`
}

type Sentence = (finding: Finding, text: string) => string

/** Guard-rails and resource policies of applications are no documents of the IAM API. */
const sentences: Partial<Record<DocumentType, Sentence>> = {
  identity: (finding, text) => ofIdentity(finding, text),
  session: (finding, text) =>
    finding.code === 'JSON_SYNTAX'
      ? 'The policy is not in the valid JSON format.'
      : ofIdentity(finding, text),
  trust: (finding) => ofTrust(finding),
}

function ofIdentity(finding: Finding, text: string): string {
  const value = text.slice(finding.offset, finding.end).replaceAll(/^"|"$/g, '')
  switch (finding.code) {
    case 'VERSION_REQUIRED':
      return 'Policy document must be version 2012-10-17 or greater.'
    case 'MISSING_ACTION':
      return 'Policy statement must contain actions.'
    case 'MISSING_RESOURCE':
      return 'Policy statement must contain resources.'
    case 'INVALID_ACTION':
      return ofAction(value)
    case 'ARN_PREFIX':
    case 'ARN_MISSING_FIELD':
      return `Resource ${value} must be in ARN format or "*".`
    case 'DUPLICATE_SID':
      return 'Statement IDs (SID) in a single policy must be unique.'
    case 'INVALID_SID':
      return 'Statement IDs (SID) must be alpha-numeric.'
    case 'ELEMENT_NOT_ALLOWED':
      return finding.path.endsWith('Principal')
        ? 'Policy document should not specify a principal.'
        : 'Syntax errors in policy.'
    default:
      return 'Syntax errors in policy.'
  }
}

function ofAction(action: string): string {
  const colons = action.split(':').length - 1
  if (colons === 0) return 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.'
  return colons === 1
    ? `Vendor ${action.split(':')[0]} is not valid.`
    : 'Actions/Condition can contain only one colon.'
}

function ofTrust({ code, path }: Finding): string {
  const field = path.slice(path.lastIndexOf('.') + 1)
  switch (code) {
    case 'JSON_SYNTAX':
      return 'This policy contains invalid Json.'
    case 'ACTION_NOT_ALLOWED':
      return 'AssumeRole policy may only specify STS AssumeRole actions.'
    case 'ELEMENT_NOT_ALLOWED':
      return `Has prohibited field ${field}.`
    case 'UNKNOWN_ELEMENT':
      return `Unknown field ${field}.`
    case 'MISSING_STATEMENT':
      return 'Missing required field Statement.'
    case 'MISSING_EFFECT':
      return 'Missing required field Effect.'
    case 'MISSING_ACTION':
      return 'Missing required field Action.'
    case 'MISSING_PRINCIPAL':
      return 'Missing required field Principal.'
    default:
      return 'Syntax errors in policy.'
  }
}
