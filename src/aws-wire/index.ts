/**
 * The AWS Query wire, generically: tables of IAM and STS made from AWS's service models, one decoder and validator,
 * one encoder for answers and one for errors. A handler of sts or iam-api is business logic only.
 *
 * A pure engine: no I/O, no clock. Where the facts come from: NOTICE; how a newer model is taken:
 * `node scripts/aws-tables.ts FOLDER`.
 */
export { iam } from './iam-table.ts'
export { sts } from './sts-table.ts'
export type { InputOf, Operation, OperationName, OutputOf, ServiceModel, Shape } from './model.ts'
export { readParameterBytes, readParameters } from './parameters.ts'
export type { ParameterNode } from './parameters.ts'
export { callNameOf, operationNamed } from './operation.ts'
export type { CallName } from './operation.ts'
export { readInput } from './read-input.ts'
export { writeJson, writeXml } from './write-output.ts'
export { awsErrorOf, internalFailure, writeErrorJson, writeErrorXml } from './errors.ts'
export type { AwsError } from './errors.ts'
export { strangerAnswer } from './strangers.ts'
export type { AwsAnswer, Stranger } from './strangers.ts'
