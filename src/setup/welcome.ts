import { z } from 'zod'
import type { PasswordHasher } from '#crypto'
import type { Form, Translate } from '#http'
import { newTotpSeed } from '#mfa'
import { judgePassword, minimumLength, passwordFaultText, type Strength } from '#signin'
import type { Draft } from './link.ts'
import type { WelcomeErrors } from './pages.ts'

/** What the first form came to. */
export type WelcomeAnswer =
  | { readonly state: 'ok'; readonly draft: Draft }
  | {
      readonly state: 'wrong'
      readonly errors: WelcomeErrors
      readonly values: { organization: string; userName: string; mail: string }
      readonly strength: Strength | null
    }

/** IAM's names: CreateUser, parameter UserName. */
const userNameShape = z.string().regex(/^[\w+=,.@-]{1,64}$/)
const mailShape = z.email().max(320)

/** Reads the first form: every problem at once, each beside its field. */
export async function readWelcome(
  needs: { readonly hasher: PasswordHasher },
  form: Form,
  t: Translate,
): Promise<WelcomeAnswer> {
  const text = (name: string) => (form.get(name) ?? '').trim()
  const values = { organization: text('organization'), userName: text('userName'), mail: text('mail') }
  const password = form.get('password') ?? ''
  const errors: { -readonly [Field in keyof WelcomeErrors]: string } = {}
  if (values.organization === '' || values.organization.length > 128)
    errors.organization = t('welcome.wrong-organization')
  if (!userNameShape.safeParse(values.userName).success) errors.userName = t('welcome.wrong-user-name')
  if (!mailShape.safeParse(values.mail).success) errors.mail = t('welcome.wrong-mail')
  const { fault, strength } = await judgePassword({
    password,
    minimum: minimumLength.withSecondFactor,
    words: [values.organization, values.userName, ...values.mail.split('@').slice(0, 1), 'Signet'],
  })
  if (fault !== undefined) errors.password = passwordFaultText(fault, t)
  if (password.normalize('NFKC') !== (form.get('passwordAgain') ?? '').normalize('NFKC'))
    errors.passwordAgain = t('welcome.wrong-password-again')
  if (Object.keys(errors).length > 0)
    return { state: 'wrong', errors, values, strength: password === '' ? null : strength }
  const phc = await needs.hasher.hash(password)
  return { state: 'ok', draft: { ...values, phc, seed: newTotpSeed().reveal() } }
}
