/** Namespaces of SAML 2.0, XML Signature and XML Encryption. */
export const ns = {
  saml: 'urn:oasis:names:tc:SAML:2.0:assertion',
  samlp: 'urn:oasis:names:tc:SAML:2.0:protocol',
  md: 'urn:oasis:names:tc:SAML:2.0:metadata',
  ds: 'http://www.w3.org/2000/09/xmldsig#',
  xenc: 'http://www.w3.org/2001/04/xmlenc#',
  ec: 'http://www.w3.org/2001/10/xml-exc-c14n#',
  xsi: 'http://www.w3.org/2001/XMLSchema-instance',
} as const

/** Bindings (SAML Bindings 2.0 §3). */
export const bindings = {
  post: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
  redirect: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
} as const

/** NameID formats (SAML Core §8.3). */
export const nameIdFormats = {
  unspecified: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
  emailAddress: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  transient: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',
  entity: 'urn:oasis:names:tc:SAML:2.0:nameid-format:entity',
} as const

/** Subject confirmation by possession of the message (SAML Profiles §3.3). */
export const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer'

const status = (name: string): string => `urn:oasis:names:tc:SAML:2.0:status:${name}`

/** Status codes (SAML Core §3.2.2.2). */
export const statuses = {
  Success: status('Success'),
  Requester: status('Requester'),
  Responder: status('Responder'),
  AuthnFailed: status('AuthnFailed'),
  InvalidNameIDPolicy: status('InvalidNameIDPolicy'),
  NoAuthnContext: status('NoAuthnContext'),
  NoPassive: status('NoPassive'),
  PartialLogout: status('PartialLogout'),
  ProxyCountExceeded: status('ProxyCountExceeded'),
  RequestDenied: status('RequestDenied'),
  UnknownPrincipal: status('UnknownPrincipal'),
  UnsupportedBinding: status('UnsupportedBinding'),
} as const

/** The two levels a SAML answer carries: who is to blame, and for what. */
export type StatusName = keyof typeof statuses
