import { execFileSync } from 'node:child_process'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalize, readXml } from '#xml'
import { xmlDocuments } from '../support/random-xml.ts'
import { describeWith } from './support/peer.ts'

describeWith('libxml2-utils')('canonicalisation', () => {
  it('gives the same bytes as libxml2 for random documents', () => {
    fc.assert(
      fc.property(xmlDocuments(true), (source) => {
        const foreign = execFileSync('xmllint', ['--nonet', '--exc-c14n', '-'], {
          input: source,
          encoding: 'utf8',
        })
        expect(canonicalize(readXml(source))).toBe(foreign)
      }),
      { numRuns: 400 },
    )
  })
})
