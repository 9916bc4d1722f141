import { inspect } from 'node:util'

/**
 * A value that does not print: templates, JSON, `console` and pino all show `***`. `reveal()` at the moment of use.
 */
export class Secret<T = string> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  /** The value itself. Call where it is used, never to pass it on. */
  reveal(): T {
    return this.#value
  }

  toString(): string {
    return '***'
  }

  toJSON(): string {
    return '***'
  }

  [inspect.custom](): string {
    return '***'
  }
}
