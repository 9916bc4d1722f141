import { findOidcProvider, listSamlProviders, putOidcProvider, putSamlProvider } from '#iam'
import { isFailure } from '#kernel'
import { parseIdpMetadata } from '#saml'
import { type Applying, leaveOut, outcomeOf, problemAt, same } from './applying.ts'

/** The issuers and identity providers that STS trusts. */
export async function applyProviders(applying: Applying): Promise<void> {
  const { tx, needs, declaration } = applying
  for (const { value, path } of declaration.things.oidc_providers)
    await applying.step(
      { kind: 'oidc_provider', name: value.url, path, account: value.account },
      async (accountId) => {
        const found = await findOidcProvider(tx, accountId, value.url)
        const isSame =
          found !== undefined &&
          same(
            [found.url, found.clientIds, found.thumbprints],
            [value.url, value.client_ids, value.thumbprints ?? []],
          )
        const arn = isSame
          ? found.arn
          : await putOidcProvider(tx, needs.clock, {
              accountId,
              url: value.url,
              clientIds: value.client_ids,
              thumbprints: value.thumbprints,
            })
        return {
          outcome: outcomeOf(found === undefined, !isSame),
          event: {
            name: found === undefined ? 'CreateOpenIDConnectProvider' : 'UpdateOpenIDConnectProvider',
            parameters: { url: value.url, clientIDList: value.client_ids },
            arn,
          },
        }
      },
    )
  for (const { value, path, files } of declaration.things.saml_providers)
    await applying.step(
      { kind: 'saml_provider', name: value.name, path, account: value.account },
      async (accountId) => {
        const metadata = files.get('metadata') ?? leaveOut()
        try {
          parseIdpMetadata(metadata, { loopbackHttp: true })
        } catch (thrown) {
          if (!isFailure(thrown)) throw thrown
          problemAt([...path, 'metadata_file'], `This metadata cannot be used: ${thrown.message}`)
        }
        const found = (await listSamlProviders(tx, accountId)).find(({ name }) => name === value.name)
        const isSame = found?.metadata === metadata
        const arn = isSame
          ? found.arn
          : await putSamlProvider(tx, needs.clock, { accountId, name: value.name, metadata })
        return {
          outcome: outcomeOf(found === undefined, !isSame),
          event: {
            name: found === undefined ? 'CreateSAMLProvider' : 'UpdateSAMLProvider',
            parameters: { name: value.name },
            arn,
          },
        }
      },
    )
}
