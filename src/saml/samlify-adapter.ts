import { element } from '#xml'
import type { Assertion } from './assertion.ts'
import { refuseSaml } from './codes.ts'
import { readMessage } from './message.ts'
import { bindings, ns } from './names.ts'
import { keyInfo, writeSaml } from './sign.ts'

/**
 * The one place where samlify lives. Everything it is given has passed our gate or was written by us; it adds an
 * envelope or a refusal, never an acceptance. Loaded at first use: most processes never need it.
 */
async function load(): Promise<typeof import('samlify')> {
  const samlify = await import('samlify')
  // It sees no document that our strict reader would not pass.
  samlify.setSchemaValidator({
    validate: (xml: string) => {
      readMessage(xml)
      return Promise.resolve('read')
    },
  })
  return samlify
}

/** Metadata that we generated, the only kind samlify reads: escaped by our writer, in one known form. */
const describe = (
  entityId: string,
  role: 'IDPSSODescriptor' | 'SPSSODescriptor',
  certificates: readonly string[],
  endpoint: { readonly name: string; readonly location: string; readonly index?: string },
): string =>
  writeSaml(
    element(
      'md:EntityDescriptor',
      { entityID: entityId },
      element(
        `md:${role}`,
        { protocolSupportEnumeration: ns.samlp },
        ...certificates.map((pem) => element('md:KeyDescriptor', { use: 'signing' }, keyInfo(pem))),
        element(`md:${endpoint.name}`, {
          Binding: bindings.post,
          Location: endpoint.location,
          index: endpoint.index,
        }),
      ),
    ),
  ).canonical

/** What a LogoutResponse by POST is put into. */
export type LogoutEnvelope = {
  readonly issuer: string
  readonly destination: string
  /** entityID of the app. */
  readonly peer: string
  /** Written and signed by us. */
  readonly xml: string
}

/** The form value that carries a LogoutResponse of ours. */
export async function logoutEnvelope({ issuer, destination, peer, xml }: LogoutEnvelope): Promise<string> {
  const { IdentityProvider, ServiceProvider } = await load()
  const slo = { name: 'SingleLogoutService', location: destination }
  const own = IdentityProvider({ metadata: describe(issuer, 'IDPSSODescriptor', [], slo) })
  const app = ServiceProvider({ metadata: describe(peer, 'SPSSODescriptor', [], slo) })
  const { context } = own.createLogoutResponse(app, { extract: {} }, 'post', {
    customTagReplacement: () => ({ id: '', context: xml }),
  })
  return context
}

/**
 * Gate step 8: has samlify read the same Response and compares what came out. It looks at this machine's clock.
 *
 * @param request `response` is base64 that our gate has accepted; `certificates` are the peer's, in PEM
 * @throws Failure unauthenticated saml/second-opinion when it refuses or read something else
 */
export async function secondOpinion(
  ours: Assertion,
  request: {
    readonly response: string
    readonly certificates: readonly string[]
    readonly acs: string
    readonly entityId: string
  },
): Promise<void> {
  const theirs = await readBySamlify(ours.issuer, request)
  const expected = {
    issuer: ours.issuer,
    nameId: ours.nameId.value,
    attributes: Object.fromEntries([...ours.attributes].map(([name, values]) => [name, [...values]])),
  }
  if (canonicalJson(theirs) !== canonicalJson(expected))
    refuseSaml('second-opinion', { found: 'something else' })
}

type Reading = {
  readonly issuer: unknown
  readonly nameId: unknown
  readonly attributes: Readonly<Record<string, unknown>>
}

async function readBySamlify(
  issuer: string,
  request: {
    readonly response: string
    readonly certificates: readonly string[]
    readonly acs: string
    readonly entityId: string
  },
): Promise<Reading> {
  const { IdentityProvider, ServiceProvider } = await load()
  const idp = IdentityProvider({
    metadata: describe(issuer, 'IDPSSODescriptor', request.certificates, {
      name: 'SingleSignOnService',
      location: request.acs,
    }),
  })
  const sp = ServiceProvider({
    metadata: describe(request.entityId, 'SPSSODescriptor', [], {
      name: 'AssertionConsumerService',
      location: request.acs,
      index: '0',
    }),
  })
  try {
    const { extract } = await sp.parseLoginResponse(idp, 'post', { body: { SAMLResponse: request.response } })
    const attributes = Object.entries(extract.attributes ?? {}).map(([name, value]) => [name, [value].flat()])
    return { issuer: extract.issuer, nameId: extract.nameID, attributes: Object.fromEntries(attributes) }
  } catch (cause) {
    return refuseSaml('second-opinion', { found: cause instanceof Error ? cause.message : String(cause) })
  }
}

const canonicalJson = ({ issuer, nameId, attributes }: Reading): string =>
  JSON.stringify([
    issuer,
    nameId,
    Object.entries(attributes).toSorted(([one], [other]) => (one < other ? -1 : 1)),
  ])
