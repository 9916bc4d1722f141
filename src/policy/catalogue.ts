/**
 * The condition keys and actions that the validator knows. `aws:` and `signet:` keys are a closed set; an application's keys and
 * actions are known where it has registered them.
 *
 * IAM User Guide, reference_policies_condition-keys and reference_policies_iam-condition-keys.
 */

export type KeyType = 'string' | 'arn' | 'bool' | 'date' | 'numeric' | 'date-or-numeric' | 'address'

export type KeyEntry = {
  readonly type: KeyType
  readonly multivalued?: boolean | undefined
  /** What follows the slash names a tag. */
  readonly tag?: boolean | undefined
}

const string: KeyEntry = { type: 'string' }
const list: KeyEntry = { type: 'string', multivalued: true }
const tag: KeyEntry = { type: 'string', tag: true }
const arn: KeyEntry = { type: 'arn' }
const bool: KeyEntry = { type: 'bool' }

/** Keys by their canonical name; a tag key stands here up to and with its slash. */
export const keyCatalogue: ReadonlyMap<string, KeyEntry> = new Map<string, KeyEntry>([
  ['signet:principalarn', arn],
  ['signet:principalaccount', string],
  ['signet:principaltype', string],
  ['signet:principaltag/', tag],
  ['signet:principalorgid', string],
  ['signet:principalorgpaths', list],
  ['signet:principalisawsservice', bool],
  ['signet:principalservicename', string],
  ['signet:principalservicenameslist', list],
  ['signet:userid', string],
  ['signet:username', string],
  ['signet:sourceidentity', string],
  ['signet:tokenissuetime', { type: 'date' }],
  ['signet:multifactorauthpresent', bool],
  ['signet:multifactorauthage', { type: 'numeric' }],
  ['signet:federatedprovider', string],
  ['signet:sourceip', { type: 'address' }],
  ['signet:sourcevpc', string],
  ['signet:sourcevpce', string],
  ['signet:sourcevpcarn', arn],
  ['signet:vpcsourceip', { type: 'address' }],
  ['signet:vpceaccount', string],
  ['signet:vpceorgid', string],
  ['signet:vpceorgpaths', list],
  ['signet:securetransport', bool],
  ['signet:useragent', string],
  ['signet:referer', string],
  ['signet:currenttime', { type: 'date' }],
  ['signet:epochtime', { type: 'date-or-numeric' }],
  ['signet:requestedregion', string],
  ['signet:requesttag/', tag],
  ['signet:tagkeys', list],
  ['signet:resourcetag/', tag],
  ['signet:resourceaccount', string],
  ['signet:resourceorgid', string],
  ['signet:resourceorgpaths', list],
  ['signet:sourcearn', arn],
  ['signet:sourceaccount', string],
  ['signet:sourceorgid', string],
  ['signet:sourceorgpaths', list],
  ['signet:calledvia', list],
  ['signet:calledviafirst', string],
  ['signet:calledvialast', string],
  ['signet:viaawsservice', bool],
  ['signet:assumedroot', bool],
  ['sts:externalid', string],
  ['sts:rolesessionname', string],
  ['sts:sourceidentity', string],
  ['sts:transitivetagkeys', list],
  ['sts:awsservicename', string],
  ['sts:requestcontext/', tag],
  ['sts:identitytokenaudience', list],
  ['sts:signingalgorithm', string],
  ['sts:durationseconds', { type: 'numeric' }],
  ['iam:passedtoservice', string],
  ['iam:associatedresourcearn', arn],
  ['iam:awsservicename', string],
  ['iam:organizationspolicyid', string],
  ['iam:permissionsboundary', arn],
  ['iam:policyarn', arn],
  ['iam:resourcetag/', tag],
  ['saml:aud', string],
  ['saml:iss', string],
  ['saml:sub', string],
  ['saml:sub_type', string],
  ['saml:namequalifier', string],
  ['saml:doc', string],
  ['saml:cn', list],
  ['saml:edupersonaffiliation', list],
  ['saml:edupersonassurance', list],
  ['saml:edupersonentitlement', list],
  ['saml:edupersonnickname', list],
  ['saml:edupersonorgunitdn', list],
  ['saml:edupersonscopedaffiliation', list],
  ['saml:edupersontargetedid', list],
  ['saml:edupersonorgdn', string],
  ['saml:edupersonprimaryaffiliation', string],
  ['saml:edupersonprimaryorgunitdn', string],
  ['saml:edupersonprincipalname', string],
  ['saml:eduorghomepageuri', list],
  ['saml:eduorgidentityauthnpolicyuri', list],
  ['saml:eduorglegalname', list],
  ['saml:eduorgsuperioruri', list],
  ['saml:eduorgwhitepagesuri', list],
  ['saml:commonname', string],
  ['saml:givenname', string],
  ['saml:mail', string],
  ['saml:name', string],
  ['saml:organizationstatus', string],
  ['saml:primarygroupsid', string],
  ['saml:surname', string],
  ['saml:uid', string],
  ['saml:x500uniqueidentifier', string],
])

/** The entry of a canonical key; undefined for one that the catalogue does not hold. */
export function keyEntry(key: string, more?: ReadonlyMap<string, KeyEntry>): KeyEntry | undefined {
  const slash = key.indexOf('/')
  const name = slash < 0 ? key : key.slice(0, slash + 1)
  return keyCatalogue.get(name) ?? more?.get(key) ?? more?.get(name)
}

/** Prefixes whose keys are all in the catalogue, so that another key is a slip of the pen. */
export const closedPrefixes: ReadonlySet<string> = new Set(['signet', 'sts', 'iam', 'saml'])
