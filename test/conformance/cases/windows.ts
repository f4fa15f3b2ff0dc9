import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

function windows(name: string, ...instructions: string[]): Case {
  return {
    name: `windows-${name}`,
    dockerfile: lines('# escape=`', 'FROM scratch', ...instructions),
    files: { f: 'f', 'd/g': 'g' },
    args: ['--platform=windows/amd64'],
  }
}

/** Windows images without a base: nothing can run, but files and the config are made. */
export const WINDOWS: readonly Case[] = [
  windows('env', 'ENV A=1'),
  windows('path', 'ENV PATH=C:\\x;%PATH%'),
  windows('workdir-root', 'WORKDIR \\', 'COPY f .'),
  windows('workdir', 'WORKDIR \\app', 'COPY f .'),
  windows('workdir-slashes', 'WORKDIR /app//x/', 'COPY f .'),
  windows('workdir-relative', 'WORKDIR app', 'WORKDIR sub\\deep', 'COPY f .\\new\\'),
  windows('workdir-up', 'WORKDIR \\a\\b', 'WORKDIR ..\\c', 'COPY f .'),
  windows('workdir-drive', 'WORKDIR C:\\a', 'WORKDIR c:/b/../d', 'COPY f e'),
  { ...windows('workdir-other-drive', 'WORKDIR D:\\a'), fails: true },
  windows('workdir-drive-relative', 'WORKDIR \\a', 'WORKDIR c:b', 'COPY f .'),
  { ...windows('workdir-drive-alone', 'WORKDIR c:'), fails: true },
  { ...windows('workdir-other-machine', 'WORKDIR \\\\server\\share'), fails: true },
  { ...windows('user-name', 'USER ContainerAdministrator', 'WORKDIR \\a'), fails: true },
  windows('case-of-path', 'ENV path=c:\\z', 'ENV Path=$path', 'ARG PATH=x'),
  windows('copy-relative', 'WORKDIR \\w', 'COPY f d\\', 'COPY f .\\e', 'COPY d ..\\q'),
  { ...windows('copy-backslash-source', 'COPY d\\g \\z'), fails: true },
  windows('owner', 'COPY --chown=1:2 --chmod=600 f \\x', 'COPY <<E \\q\\', 'text', 'E'),
  windows('copy', 'COPY f \\x\\y', 'COPY f C:\\z\\', 'COPY d/g /s/', 'COPY d C:/t'),
  windows('shell', 'CMD dir', 'ENTRYPOINT app /x'),
  windows('shell-own', 'SHELL ["powershell", "-Command"]', 'CMD dir', 'HEALTHCHECK CMD check'),
  windows('stage', 'WORKDIR \\a', 'COPY f .', 'FROM scratch', 'COPY --from=0 \\a\\f \\b\\'),
]
