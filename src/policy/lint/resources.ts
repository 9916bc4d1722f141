import { closedPrefixes, keyEntry } from '../catalogue.ts'
import { covers } from '../covers.ts'
import { variablesOf, type Pattern } from '../pattern.ts'
import { elementName, isEverything, type LintedStatement } from './linted.ts'

/** Services of this product, whose ARNs are in the partition that the deployment is configured with. */
const ownServices = new Set(['signet'])

/** Findings about Resource and NotResource, and about entries of a list that others cover. */
export function lintResources(each: LintedStatement): void {
  const { statement, policy } = each
  const { resources, actions } = statement
  redundant(each, actions.patterns, elementName(actions, 'Action'), 'REDUNDANT_ACTION')
  if (!resources) return
  const element = elementName(resources, 'Resource')
  redundant(each, resources.patterns, element, 'REDUNDANT_RESOURCE')
  for (const [index, pattern] of resources.patterns.entries()) {
    const [, partition = '', service = ''] = pattern.text.split(':')
    if (/[*?]/.test(service))
      each.add('RESOURCE_WILDCARD_SERVICE', 'Name the service of the ARN', element, index)
    const own = each.catalogue.partition
    if (own !== undefined && /^[a-z-]+$/.test(partition) && partition !== own && ownServices.has(service)) {
      each.add(
        'PARTITION_OF_AWS',
        `Partitions are compared literally; is "${pattern.text}" what is meant?`,
        element,
        index,
      )
    }
    if (pattern.text.includes('**')) each.add('DOUBLE_STAR', 'Two stars in a row are one', element, index)
    if (policy.version === '2008-10-17' && pattern.text.includes('${')) {
      each.add(
        'VARIABLE_IN_OLD_VERSION',
        'Write Version 2012-10-17, or the variable is literal text',
        element,
        index,
      )
    }
    for (const { key, spelling } of variablesOf(pattern)) {
      const entry = keyEntry(key, each.catalogue.keys)
      if (entry?.multivalued) {
        each.add(
          'VARIABLE_MULTIVALUED',
          `"${spelling}" is multivalued and has no value as a variable`,
          element,
          index,
        )
      } else if (!entry && closedPrefixes.has(key.slice(0, key.indexOf(':')))) {
        each.add('VARIABLE_UNKNOWN', `There is no key "${spelling}"`, element, index)
      }
    }
  }
  const everything = !resources.not && resources.patterns.some(isEverything)
  const allActions = !actions.not && actions.patterns.some(isEverything)
  if (statement.effect === 'Deny' && everything && allActions && statement.conditions.length === 0) {
    each.add('SPLIT_DENY', 'Nobody it applies to can do anything any more', 'Effect')
  }
}

function redundant(
  each: LintedStatement,
  patterns: readonly Pattern[],
  element: string,
  code: 'REDUNDANT_ACTION' | 'REDUNDANT_RESOURCE',
): void {
  // Quadratic, so only for lists that people write.
  if (patterns.length > 200) return
  for (const [index, pattern] of patterns.entries()) {
    const wider = patterns.find(
      (other, at) => at !== index && covers(other, pattern) && (at < index || !covers(pattern, other)),
    )
    if (wider) each.add(code, `"${wider.text}" covers "${pattern.text}"`, element, index)
  }
}
