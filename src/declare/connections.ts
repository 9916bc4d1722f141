import { connectionSettings, googleIssuer, listConnections, putConnection } from '#federation'
import { type Applying, outcomeOf, problemAt, same } from './applying.ts'
import { markOf, setMark } from './marks.ts'

/** Connections to upstream OpenID providers. What the file leaves out has its default. */
export async function applyConnections(applying: Applying): Promise<void> {
  const { tx, needs, declaration } = applying
  for (const { value, path, secrets } of declaration.things.connections)
    await applying.step(
      { kind: 'connection', name: value.name, path, account: value.account },
      async (accountId) => {
        const {
          name,
          client_id: clientId,
          account: _,
          enabled = true,
          secret: _s,
          secret_file: _f,
          ...rest
        } = value
        const issuer = rest.issuer ?? (rest.preset === 'google' ? googleIssuer : undefined)
        if (issuer === undefined)
          problemAt(
            [...path, 'issuer'],
            'This is missing. Write issuer: the address of the upstream, or preset: google.',
          )
        const settings = connectionSettings.parse({ ...rest, issuer, label: rest.label ?? name })
        const secret = secrets.get('client')
        const owner = { accountId, name }
        const mark =
          secret === undefined
            ? undefined
            : needs.vault.mac('declare/connection', `${accountId} ${name} ${secret.reveal()}`)
        const found = (await listConnections(tx)).find(
          (each) => each.accountId === accountId && each.name.toLowerCase() === name.toLowerCase(),
        )
        const isNewSecret = mark !== undefined && mark !== (await markOf(tx, 'connection-secret', owner))
        const isSame =
          found !== undefined &&
          same(
            [found.name, found.clientId, found.enabled, found.settings],
            [name, clientId, enabled, settings],
          )
        if (!isSame || isNewSecret)
          await putConnection(tx, needs, { accountId, name, clientId, secret, settings, enabled })
        if (isNewSecret) await setMark(tx, needs, 'connection-secret', owner, mark)
        return {
          outcome: outcomeOf(found === undefined, !isSame, isNewSecret),
          event: {
            name: found === undefined ? 'CreateConnection' : 'UpdateConnection',
            parameters: { name, issuer, clientId, domains: settings.domains },
          },
        }
      },
    )
}
