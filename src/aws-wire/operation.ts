import { refuse } from '#kernel'

import type { OperationName, ServiceModel } from './model.ts'
import { scalarOf, type ParameterNode } from './parameters.ts'

/** Action and Version of a call, as sent. */
export type CallName = { readonly action: string; readonly version: string }

/** Reads Action and Version; undefined where the call names no Action, so that it is no Query call at all. */
export function callNameOf(parameters: ParameterNode): CallName | undefined {
  const action = scalarOf(parameters.children.get('Action'), 'Action')
  if (action === undefined) return undefined
  return { action, version: scalarOf(parameters.children.get('Version'), 'Version') ?? '' }
}

/**
 * The operation of that name.
 *
 * @throws Failure malformed `aws-wire/unknown-action`
 */
export function operationNamed<Model extends ServiceModel>(
  model: Model,
  { action, version }: CallName,
): OperationName<Model> {
  if (version !== model.version || !Object.hasOwn(model.operations, action)) {
    refuse(
      'malformed',
      'aws-wire/unknown-action',
      `Could not find operation ${action.slice(0, 128)} for version ${version.slice(0, 32)}`,
    )
  }
  return action
}
