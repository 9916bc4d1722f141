import { Failure } from '#kernel'

/** One mistake in what the operator wrote, told so that it can be mended without reading our source. */
export type Problem = {
  /** `signet.yaml:3:21`, or the environment variable's name. */
  readonly where: string
  /** `apps.0.redirect_uris.0`; empty when the place says it all. */
  readonly path: string
  /** What is wrong and what to write instead, one or two sentences. */
  readonly message: string
}

/** A problem as one line: `signet.yaml:3:21 apps.0.redirect_uris.0: …`. */
export const problemLine = ({ where, path, message }: Problem): string =>
  `${where}${path === '' ? '' : ` ${path}`}: ${message}`

/**
 * Refuses with every problem at once, one per line, in the order of the file.
 *
 * @throws Failure malformed config/invalid with the problems as `detail`
 */
export function refuseProblems(problems: readonly Problem[]): never {
  throw new Failure('malformed', 'config/invalid', inOrder(problems).map(problemLine).join('\n'), problems)
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const place = ({ where }: Problem): readonly [string, number, number] => {
    const [, file = where, line = '0', column = '0'] = /^(.*):(\d+):(\d+)$/.exec(where) ?? []
    return [file, Number(line), Number(column)]
  }
  return problems.toSorted((left, right) => {
    const [fileA, lineA, columnA] = place(left)
    const [fileB, lineB, columnB] = place(right)
    return fileA === fileB ? lineA - lineB || columnA - columnB : fileA < fileB ? -1 : 1
  })
}
