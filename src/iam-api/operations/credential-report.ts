import { refuse } from '#kernel'

import type { Handlers } from '../call.ts'
import {
  beginCredentialReport,
  credentialReport,
  makeCredentialReport,
} from '../reports/credential-report.ts'

/** For how long a report is good, and how soon a new one may be asked for. */
const hoursGood = 4

/** The credential report: made in the background, good for four hours. */
export const credentialReports = {
  GenerateCredentialReport: async ({ db, needs, accountId, later }) => {
    const now = needs.clock()
    const report = await credentialReport(db, accountId)
    if (report.content !== undefined && isFresh(report.content.at, now))
      return { State: 'COMPLETE', Description: 'A report that is less than four hours old is there.' }
    if (!(await beginCredentialReport(db, accountId, now)))
      return { State: 'INPROGRESS', Description: 'The report is being made.' }
    later(() => makeCredentialReport(needs, accountId))
    return { State: 'STARTED', Description: 'No report exists. Starting a new report generation task' }
  },

  GetCredentialReport: async ({ db, needs, accountId }) => {
    const report = await credentialReport(db, accountId)
    if (report.content === undefined) {
      if (report.startedAt !== undefined)
        refuse('not-found', 'iam-api/report-in-progress', 'The report is being made. Ask again in a moment.')
      refuse(
        'expired',
        'iam-api/report-not-present',
        'No report exists. Ask for one with GenerateCredentialReport.',
      )
    }
    if (!isFresh(report.content.at, needs.clock()))
      refuse('expired', 'iam-api/report-expired', 'The report is older than four hours. Ask for a new one.')
    return {
      Content: Buffer.from(report.content.csv),
      ReportFormat: 'text/csv',
      GeneratedTime: report.content.at,
    }
  },
} satisfies Handlers

const isFresh = (at: Temporal.Instant, now: Temporal.Instant): boolean =>
  Temporal.Instant.compare(now, at.add({ hours: hoursGood })) < 0
