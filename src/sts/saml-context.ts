import type { ContextValue } from '#policy'
import type { StsAssertion } from '#saml'

const eduPerson = 'urn:oid:1.3.6.1.4.1.5923.1.1.1.'
const eduOrg = 'urn:oid:1.3.6.1.4.1.5923.1.2.1.'
const claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/'

/** Attribute name → condition key; `list` keys are multivalued. Where two names fill one key the first that came wins. */
const keys: readonly (readonly [attribute: string, key: string, list?: 'list'])[] = [
  [`${eduPerson}1`, 'saml:edupersonaffiliation', 'list'],
  [`${eduPerson}2`, 'saml:edupersonnickname', 'list'],
  [`${eduPerson}3`, 'saml:edupersonorgdn'],
  [`${eduPerson}4`, 'saml:edupersonorgunitdn', 'list'],
  [`${eduPerson}5`, 'saml:edupersonprimaryaffiliation'],
  [`${eduPerson}6`, 'saml:edupersonprincipalname'],
  [`${eduPerson}7`, 'saml:edupersonentitlement', 'list'],
  [`${eduPerson}8`, 'saml:edupersonprimaryorgunitdn'],
  [`${eduPerson}9`, 'saml:edupersonscopedaffiliation', 'list'],
  [`${eduPerson}10`, 'saml:edupersontargetedid', 'list'],
  [`${eduPerson}11`, 'saml:edupersonassurance', 'list'],
  [`${eduOrg}2`, 'saml:eduorghomepageuri', 'list'],
  [`${eduOrg}3`, 'saml:eduorgidentityauthnpolicyuri', 'list'],
  [`${eduOrg}4`, 'saml:eduorglegalname', 'list'],
  [`${eduOrg}5`, 'saml:eduorgsuperioruri', 'list'],
  [`${eduOrg}6`, 'saml:eduorgwhitepagesuri', 'list'],
  ['urn:oid:2.5.4.3', 'saml:cn', 'list'],
  ['urn:oid:2.5.4.4', 'saml:surname'],
  ['urn:oid:2.5.4.42', 'saml:givenName'],
  ['urn:oid:2.5.4.45', 'saml:x500UniqueIdentifier'],
  ['urn:oid:0.9.2342.19200300.100.1.1', 'saml:uid'],
  ['urn:oid:0.9.2342.19200300.100.1.3', 'saml:mail'],
  ['urn:oid:0.9.2342.19200300.100.1.45', 'saml:organizationStatus'],
  ['http://schemas.xmlsoap.org/claims/CommonName', 'saml:commonName'],
  [`${claims}givenname`, 'saml:givenName'],
  [`${claims}emailaddress`, 'saml:mail'],
  [`${claims}name`, 'saml:name'],
  [`${claims}surname`, 'saml:surname'],
  ['http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid', 'saml:primaryGroupSID'],
]

/** The condition keys that an assertion's attributes fill (IAM User Guide, "SAML-based federation keys"). */
export function attributeContext(attributes: StsAssertion['attributes']): ReadonlyMap<string, ContextValue> {
  const context = new Map<string, ContextValue>()
  for (const [attribute, key, list] of keys) {
    const values = attributes.get(attribute)
    const [first] = values ?? []
    if (values === undefined || first === undefined || context.has(key)) continue
    context.set(key, list === 'list' ? values : first)
  }
  return context
}
