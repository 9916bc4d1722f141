/**
 * The one place where oidc-provider is loaded. It warns on import that this Node carries no LTS mark; that is known
 * and says nothing to an operator, so the warning is dropped while the module loads.
 */
// oxlint-disable-next-line no-console -- the library prints through console.warn
const { warn } = console
// oxlint-disable-next-line no-console -- restored below
console.warn = () => {}
const library = await import('oidc-provider')
// oxlint-disable-next-line no-console -- as it was
console.warn = warn

export const { ExternalSigningKey, Provider, errors, interactionPolicy } = library
