import {
  type App,
  type AppRegistration,
  findAppResources,
  findOidcClient,
  findProxySettings,
  findRegistration,
  findServiceProvider,
  listApps,
  putApp,
  putAppResources,
  putOidcClient,
  putProxyApp,
  putRegistration,
  putServiceProvider,
  type ServiceProviderSettings,
  serviceProviderSettings,
} from '#apps'
import { equal, sha256 } from '#crypto'
import { isFailure } from '#kernel'
import { parseSpMetadata } from '#saml'
import { type Applying, outcomeOf, problemAt, same } from './applying.ts'
import { markOf, setMark } from './marks.ts'
import { hasKeys, type Thing } from './read.ts'

/** Apps: OIDC clients and SAML service providers. What the file leaves out has its default, so that the file says it all. */
export async function applyApps(applying: Applying): Promise<void> {
  const { tx, needs, declaration } = applying
  for (const thing of declaration.things.apps)
    await applying.step(
      { kind: 'app', name: thing.value.name, path: thing.path, account: thing.value.account },
      async (accountId) => {
        const { value, path } = thing
        const found = (await listApps(tx, accountId)).find(
          ({ name }) => name.toLowerCase() === value.name.toLowerCase(),
        )
        const kind = value.oidc !== undefined ? 'oidc' : value.saml !== undefined ? 'saml' : 'proxy'
        if (found !== undefined && found.kind !== kind)
          problemAt(
            [...path, kind],
            `There is an app of this name that speaks ${found.kind}. Write another name.`,
          )
        const wanted = {
          name: value.name,
          launchUrl: value.launch_url,
          access: value.access ?? 'everyone',
          requireMfa: value.require_mfa ?? false,
          servicePrefix: value.service_prefix,
          authorityFor: value.authority_for ?? [],
          signingKeys: value.signing_keys ?? false,
          enabled: value.enabled ?? true,
        }
        const isChanged =
          found === undefined ||
          Object.entries(wanted).some(([key, each]) => !same(Reflect.get(found, key), each))
        const app = isChanged ? await putApp(tx, needs.clock, { accountId, kind, ...wanted }) : found
        const inner =
          kind === 'oidc'
            ? await putClient(applying, app, thing)
            : kind === 'saml'
              ? await putProvider(applying, app, thing)
              : await putProxy(applying, app, thing)
        const registered = await register(applying, app, thing)
        return {
          outcome: outcomeOf(found === undefined, isChanged, inner, registered),
          event: {
            name: found === undefined ? 'CreateApp' : 'UpdateApp',
            parameters: { appName: app.name, kind, clientId: value.oidc?.client_id },
            arn: app.arn,
          },
        }
      },
    )
}

/** What the decision point is to know of the app: as the file says, where it says something. */
async function register(
  { tx, needs }: Applying,
  app: App,
  { value, documents }: Thing<'apps'>,
): Promise<boolean> {
  let isChanged = false
  if (value.actions !== undefined || value.resource_types !== undefined) {
    const wanted: AppRegistration = {
      actions: (value.actions ?? [])
        .map(({ name, resource_types: resourceTypes, description }) => ({
          name,
          resourceTypes,
          ...(description === undefined ? {} : { description }),
        }))
        .toSorted(byName),
      resourceTypes: [...(value.resource_types ?? [])].toSorted(byName),
    }
    const found = await findRegistration(tx, app.appId)
    const sorted = {
      actions: found.actions.toSorted(byName),
      resourceTypes: found.resourceTypes.toSorted(byName),
    }
    if (!same(sorted, wanted)) {
      await putRegistration(tx, app.appId, wanted)
      isChanged = true
    }
  }
  const resources = (value.resources ?? []).map(({ type, id, properties = {} }, index) => ({
    type,
    id,
    properties,
    policy: documents.get(`resources.${index}`),
  }))
  const stored = new Map(
    (await findAppResources(tx, app.appId, resources)).map((each) => [`${each.type}\n${each.id}`, each]),
  )
  const changed = resources.filter((each) => !same(stored.get(`${each.type}\n${each.id}`), each))
  if (changed.length > 0) await putAppResources(tx, needs.clock, app.appId, changed)
  return isChanged || changed.length > 0
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : 1

const grantTypes: Readonly<Record<string, string>> = {
  device_code: 'urn:ietf:params:oauth:grant-type:device_code',
}

async function putClient(
  { tx, needs }: Applying,
  app: App,
  { value, secrets }: Thing<'apps'>,
): Promise<boolean> {
  const { oidc } = value
  if (oidc === undefined) return false
  const secret = secrets.get('client')
  const grants = oidc.grants ?? ['authorization_code']
  const client = {
    clientId: oidc.client_id,
    appId: app.appId,
    metadata: {
      redirect_uris: oidc.redirect_uris ?? [],
      post_logout_redirect_uris: oidc.post_logout_redirect_uris ?? [],
      grant_types: grants.map((grant) => grantTypes[grant] ?? grant),
      response_types: grants.includes('authorization_code') ? ['code'] : [],
      token_endpoint_auth_method: hasKeys(oidc)
        ? 'private_key_jwt'
        : secret === undefined
          ? 'none'
          : (oidc.token_endpoint_auth_method ?? 'client_secret_basic'),
      id_token_signed_response_alg: oidc.id_token_signing ?? 'ES256',
      ...(oidc.jwks === undefined ? {} : { jwks: oidc.jwks }),
      ...(oidc.jwks_uri === undefined ? {} : { jwks_uri: oidc.jwks_uri }),
      ...(oidc.dpop_bound_access_tokens === true ? { dpop_bound_access_tokens: true } : {}),
      ...(oidc.require_pushed_authorization_requests === true
        ? { require_pushed_authorization_requests: true }
        : {}),
      ...(oidc.backchannel_logout_uri === undefined
        ? {}
        : {
            backchannel_logout_uri: oidc.backchannel_logout_uri,
            backchannel_logout_session_required: true,
          }),
    },
    consent: oidc.consent ?? false,
    pkceOptional: oidc.pkce_optional ?? false,
  }
  const found = await findOidcClient(tx, oidc.client_id)
  const isSame =
    found !== undefined &&
    Object.entries(client).every(([key, each]) => same(Reflect.get(found, key), each)) &&
    (secret === undefined
      ? found.secretHash === undefined
      : found.secretHash !== undefined && equal(found.secretHash, sha256(secret.reveal())))
  if (isSame) return false
  await putOidcClient(tx, needs.clock, { ...client, secret })
  return true
}

async function putProxy(
  { tx, needs }: Applying,
  app: App,
  { value, secrets }: Thing<'apps'>,
): Promise<boolean> {
  if (value.proxy === undefined) return false
  const { upstream, ...rest } = value.proxy
  const { secret: _, secret_file: _file, ...plain } = upstream ?? { url: '' }
  const settings = {
    ...rest,
    origins: rest.origins.toSorted(),
    ...(upstream === undefined ? {} : { upstream: plain }),
  }
  const upstreamSecret = secrets.get('upstream')
  const owner = { accountId: app.accountId, name: app.name }
  const mark =
    upstreamSecret === undefined
      ? undefined
      : needs.vault.mac('declare/upstream', `${app.appId} ${upstreamSecret.reveal()}`)
  const isNewSecret = mark !== undefined && mark !== (await markOf(tx, 'upstream-secret', owner))
  if (same(await findProxySettings(tx, app.appId), settings) && !isNewSecret) return false
  await putProxyApp(tx, needs, { appId: app.appId, settings, upstreamSecret })
  if (mark !== undefined && isNewSecret) await setMark(tx, needs, 'upstream-secret', owner, mark)
  return true
}

async function putProvider({ tx, needs }: Applying, app: App, thing: Thing<'apps'>): Promise<boolean> {
  const { saml } = thing.value
  if (saml === undefined) return false
  const { entityId, settings } = readProvider(thing)
  const found = await findServiceProvider(tx, { appId: app.appId })
  if (found !== undefined && found.entityId === entityId && same(found.settings, settings)) return false
  await putServiceProvider(tx, needs.clock, { entityId, appId: app.appId, settings })
  return true
}

/** The service provider from its metadata, or as it was written, with the choices that metadata does not make. */
function readProvider({ value, path, files }: Thing<'apps'>): {
  entityId: string
  settings: ServiceProviderSettings
} {
  const saml = value.saml ?? {}
  const choices = {
    ...(saml.sign === undefined ? {} : { sign: saml.sign }),
    ...(saml.encrypt === undefined ? {} : { encrypt: saml.encrypt }),
    ...(saml.name_id_format === undefined ? {} : { nameIdFormat: saml.name_id_format }),
    ...(saml.attributes === undefined ? {} : { attributes: saml.attributes }),
    ...(saml.idp_initiated === undefined ? {} : { idpInitiated: saml.idp_initiated }),
  }
  const xml = files.get('metadata')
  if (xml === undefined) {
    const acs = typeof saml.acs === 'string' ? [saml.acs] : (saml.acs ?? [])
    return {
      entityId: saml.entity_id ?? '',
      settings: serviceProviderSettings.parse({
        ...choices,
        acs: acs.map((url, index) => ({ url, binding: 'post', index, isDefault: index === 0 })),
        slo: saml.slo === undefined ? [] : [{ url: saml.slo, binding: 'redirect' }],
      }),
    }
  }
  try {
    const metadata = parseSpMetadata(xml, {
      loopbackHttp: true,
      ...(saml.entity_id === undefined ? {} : { entityId: saml.entity_id }),
    })
    if (saml.encrypt === true && !metadata.encryptionKeys.some(({ key }) => key.asymmetricKeyType === 'rsa'))
      problemAt([...path, 'saml', 'encrypt'], 'The metadata names no RSA key for encryption.')
    return {
      entityId: metadata.entityId,
      settings: serviceProviderSettings.parse({
        ...choices,
        acs: metadata.assertionConsumers.flatMap(({ binding, location, index, isDefault }) =>
          bindingOf(binding) === 'post'
            ? [{ url: location, binding: 'post', index, ...(isDefault === undefined ? {} : { isDefault }) }]
            : [],
        ),
        slo: metadata.singleLogout.flatMap(({ binding, location, responseLocation }) => {
          const name = bindingOf(binding)
          return name === undefined
            ? []
            : [
                {
                  url: location,
                  binding: name,
                  ...(responseLocation === undefined ? {} : { responseUrl: responseLocation }),
                },
              ]
        }),
        signingCertificates: metadata.signingKeys.map(({ certificate }) => certificate.toString()),
        encryptionCertificates: metadata.encryptionKeys.map(({ certificate }) => certificate.toString()),
        requestsSigned: metadata.authnRequestsSigned,
      }),
    }
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown
    return problemAt([...path, 'saml', 'metadata_file'], `This metadata cannot be used: ${thrown.message}`)
  }
}

const bindingOf = (uri: string): 'post' | 'redirect' | undefined =>
  uri.endsWith(':HTTP-POST') ? 'post' : uri.endsWith(':HTTP-Redirect') ? 'redirect' : undefined
