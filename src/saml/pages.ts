/** The pages of this slice and what each is given. */
export type SamlPages = {
  /** Posts a message to an app: by itself with script, by its button without. */
  'saml/post': {
    readonly action: string
    readonly field: 'SAMLRequest' | 'SAMLResponse'
    /** Base64 of the message. */
    readonly message: string
    /** Null: the app sent none, which is not the same as an empty one. */
    readonly relayState: string | null
    readonly appName: string
  }
}
