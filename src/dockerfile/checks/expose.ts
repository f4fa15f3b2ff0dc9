import { XbuildError } from '../../errors.ts'
import { expandWords } from '../words.ts'
import type { Finding, Rule, StageView, Subject } from './rule.ts'
import { inEveryStage } from './rule.ts'

export const exposeProtoCasing: Rule = {
  name: 'ExposeProtoCasing',
  description: 'The protocol of EXPOSE has upper-case letters',
  help: 'Write tcp, udp or sctp in lower case',
  severity: 'warning',
  find: (subject) =>
    inEveryPort(subject, (port) => {
      const protocol = port.includes('/') ? port.slice(port.indexOf('/') + 1) : ''
      return protocol === protocol.toLowerCase() ? undefined : `Protocol of EXPOSE ${port} is not in lower case`
    }),
}

export const exposeInvalidFormat: Rule = {
  name: 'ExposeInvalidFormat',
  description: 'EXPOSE names an address or a port of the host',
  help: 'Write the port of the container alone; the host part is for docker run',
  severity: 'warning',
  find: (subject) =>
    inEveryPort(subject, (port) =>
      port.includes(':') ? `EXPOSE ${port} names an address or a port of the host, which has no effect` : undefined,
    ),
}

function inEveryPort(subject: Subject, judge: (port: string) => string | undefined): Finding[] {
  return inEveryStage(subject, (view) =>
    view.stage.stage.instructions.flatMap((instruction) => {
      if (instruction.kind !== 'expose') return []
      return instruction.ports
        .flatMap((text) => expandPorts(text, view))
        .flatMap((port) => {
          const message = judge(port)
          return message === undefined ? [] : [{ at: instruction.at, message }]
        })
    }),
  )
}

/** With the values that variables have at the end of the stage. */
function expandPorts(text: string, { stage, evaluated }: StageView): string[] {
  const variables = new Map([
    ...Object.entries(evaluated.args),
    ...(evaluated.config.Env ?? []).map(
      (variable) => [variable.slice(0, variable.indexOf('=')), variable.slice(variable.indexOf('=') + 1)] as const,
    ),
  ])
  try {
    return expandWords(text, { lookup: (name) => variables.get(name), escape: stage.escape ?? '\\' })
  } catch (error) {
    if (!(error instanceof XbuildError)) throw error
    return [] // the evaluation says what is wrong with it
  }
}
