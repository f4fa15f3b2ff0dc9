import type { Unit, UnitCommand } from './unit.ts'

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))

/** Programs that do the same on every machine: they move, fetch, change and check files. */
const HARMLESS = words(
  'cd set export unset mkdir mktemp cp mv rm rmdir ln ls dir echo printf cat sed awk gawk grep egrep fgrep test [ [[ true false : touch chmod chown chgrp find head tail sort uniq tr cut ' +
    'tee date sleep install basename dirname realpath readlink id whoami pwd exit return read wait trap shift umask ulimit cmp diff patch wc du df stat nproc seq expr xxd od base64 ' +
    'curl wget git tar unzip zip gzip gunzip zcat bzip2 bunzip2 xz unxz zstd unzstd 7z cpio sha1sum sha256sum sha512sum md5sum shasum gpg gpgv minisign cosign openssl ssh-keyscan rsync ' +
    'apt-get apt apt-mark apt-key add-apt-repository apk yum dnf microdnf zypper apt-cache dpkg update-ca-certificates locale-gen addgroup adduser useradd groupadd usermod corepack ' +
    'upx file jq yq envsubst dos2unix which type hash tree clear fallocate truncate sync ldconfig',
)

/** Whether a program does the same on every machine. */
export function isHarmless({ name, words: [, ...args] }: UnitCommand): boolean {
  if (name === 'xargs') {
    const program = args.find((arg) => !arg.startsWith('-') && !/^\d+$/.test(arg))
    return program === undefined || HARMLESS.has(program)
  }
  // Only unpacking
  if (name === 'dpkg') return args.some((arg) => /^(-x|-X|-e|--extract|--add-architecture)$/.test(arg))
  if (name === 'find')
    return !args.some((arg, index) => /^-(exec|execdir|ok)$/.test(arg) && !HARMLESS.has(args[index + 1] ?? ''))
  return HARMLESS.has(name)
}

/** The first command that asks the machine what it is: on another machine it gets another answer. */
export function machineQuestion({ commands }: Unit): UnitCommand | undefined {
  return commands.find(({ name, words: [, ...args] }) => {
    if (name === 'uname')
      return args.length === 0 || args.some((arg) => /^-[a-z]*[mpia]/.test(arg) || arg === '--machine')
    if (name === 'arch' || name === 'dpkg-architecture' || name === 'lscpu' || name === 'getconf') return true
    if (name === 'dpkg' || name === 'apk') return args.some((arg) => arg.startsWith('--print'))
    if (name === 'rpm') return args.some((arg) => /_arch|%\{arch/.test(arg))
    return name === 'go' && args[0] === 'env' && args.some((arg) => /ARCH$/.test(arg))
  })
}
