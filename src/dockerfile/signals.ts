const NAMES: ReadonlySet<string> = new Set(
  (
    'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU UNUSED URG ' +
    'USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'
  ).split(' '),
)

/** Whether a STOPSIGNAL is one that Linux has: a number from 1 to 64, or a name with or without `SIG`. */
export function isSignal(text: string): boolean {
  if (/^\d{1,2}$/.test(text)) return Number(text) >= 1 && Number(text) <= 64
  const name = text.toUpperCase().replace(/^SIG/, '')
  if (NAMES.has(name)) return true
  const [, base, offset] = /^(RTMIN\+|RTMAX-)(\d{1,2})$/.exec(name) ?? []
  return base !== undefined && Number(offset) >= 1 && Number(offset) <= (base === 'RTMIN+' ? 15 : 14)
}
