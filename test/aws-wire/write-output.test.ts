import { describe, expect, it } from 'vitest'

import { Failure } from '#kernel'
import {
  awsErrorOf,
  iam,
  internalFailure,
  strangerAnswer,
  sts,
  writeErrorJson,
  writeErrorXml,
  writeJson,
  writeXml,
} from '#aws-wire'

describe('an answer', () => {
  it('names operation, result and request', () => {
    const identity = { Account: '111122223333', Arn: 'arn:aws:iam::111122223333:user/a&b', UserId: 'AIDA' }
    expect(writeXml(sts, 'GetCallerIdentity', identity, 'r-1')).toBe(
      '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>' +
        '<UserId>AIDA</UserId><Account>111122223333</Account><Arn>arn:aws:iam::111122223333:user/a&amp;b</Arn>' +
        '</GetCallerIdentityResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>',
    )
    expect(JSON.parse(writeJson(sts, 'GetCallerIdentity', identity, 'r-1'))).toEqual({
      GetCallerIdentityResponse: {
        GetCallerIdentityResult: identity,
        ResponseMetadata: { RequestId: 'r-1' },
      },
    })
  })

  it('has no result element where the model has none', () => {
    expect(writeXml(iam, 'DeleteUser', undefined, 'r')).toBe(
      '<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DeleteUserResponse>',
    )
  })

  it('writes lists, empty ones too, timestamps and percent-encoded policy documents', () => {
    const at = Temporal.Instant.from('2026-11-21T22:00:00.9Z')
    const user = { Path: '/', UserName: 'alice', UserId: 'AIDA', Arn: 'arn', CreateDate: at, Tags: [] }
    expect(writeXml(iam, 'ListUsers', { Users: [user], IsTruncated: false }, 'r')).toContain(
      '<Users><member><Path>/</Path><UserName>alice</UserName><UserId>AIDA</UserId><Arn>arn</Arn>' +
        '<CreateDate>2026-11-21T22:00:00Z</CreateDate><Tags/></member></Users><IsTruncated>false</IsTruncated>',
    )
    const policy = { UserName: 'a', PolicyName: 'p', PolicyDocument: '{"a": "b*\'"}\n' }
    expect(writeXml(iam, 'GetUserPolicy', policy, 'r')).toContain(
      '<PolicyDocument>%7B%22a%22%3A%20%22b%2A%27%22%7D%0A</PolicyDocument>',
    )
    const summary = { SummaryMap: new Map([['Users', 3]] as const) }
    expect(writeXml(iam, 'GetAccountSummary', summary, 'r')).toContain(
      '<SummaryMap><entry><key>Users</key><value>3</value></entry></SummaryMap>',
    )
  })
})

describe('an error', () => {
  const error = (failure: Failure, codes = {}) => awsErrorOf(sts, failure, codes)

  it('has code and status by its reason, then by the slice, then by its kind', () => {
    expect(error(new Failure('unauthenticated', 'sigv4/mismatch', 'm'))).toEqual({
      code: 'SignatureDoesNotMatch',
      status: 403,
      fault: 'Sender',
      message: 'm',
    })
    const expired = new Failure('expired', 'sts/token-expired', 'm')
    expect(error(expired)).toMatchObject({ code: 'ExpiredToken', status: 403 })
    expect(error(expired, { 'sts/token-expired': 'ExpiredTokenException' })).toMatchObject({ status: 400 })
    expect(error(new Failure('throttled', 'x/y', 'm'))).toMatchObject({ code: 'Throttling', status: 400 })
    expect(awsErrorOf(iam, new Failure('not-found', 'x/y', 'm'))).toMatchObject({
      code: 'NoSuchEntity',
      status: 404,
    })
  })

  it('carries what the caller sent only as text', () => {
    expect(
      writeErrorXml(
        sts,
        { code: 'X', status: 400, fault: 'Sender', message: '</Message><x>\u0000\uD800"' },
        'r',
      ),
    ).toContain('<Message>&lt;/Message&gt;&lt;x&gt;\uFFFD\uFFFD&quot;</Message>')
    expect(JSON.parse(writeErrorJson(internalFailure, 'r'))).toMatchObject({
      Error: { Type: 'Receiver', Code: 'InternalFailure' },
      RequestId: 'r',
    })
  })
})

describe('a call of another service', () => {
  it('is refused in its own wire, with the way out', () => {
    const json = strangerAnswer({ target: 'DynamoDB_20120810.ListTables', query: false, requestId: 'r' })
    expect([json.status, JSON.parse(json.body)]).toMatchObject([400, { __type: 'UnknownOperationException' }])
    expect(strangerAnswer({ query: true, requestId: 'r' }).body).toContain('<Code>InvalidAction</Code>')
    expect(strangerAnswer({ query: false, requestId: 'r' }).body).toMatch(
      /^<Error><Code>InvalidRequest<.*AWS_ENDPOINT_URL_S3/,
    )
  })
})
