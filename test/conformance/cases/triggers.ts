import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

export const TRIGGERS: readonly Case[] = [
  {
    name: 'onbuild-kept',
    dockerfile: lines('FROM busybox', 'ONBUILD RUN echo  a   b', 'ONBUILD copy . /x', 'LABEL a=b'),
  },
  { name: 'onbuild-runs', dockerfile: lines('FROM with-triggers', 'LABEL own=1'), files: { f: 'f' } },
  {
    name: 'onbuild-runs-with-arg',
    dockerfile: lines('FROM with-triggers'),
    files: { f: 'f' },
    args: ['--build-arg', 'WHO=me'],
  },
  {
    name: 'onbuild-of-stage',
    dockerfile: lines('FROM busybox AS a', 'ONBUILD RUN echo t > /t', 'FROM a', 'RUN echo after > /u'),
  },
  {
    name: 'onbuild-not-inherited-twice',
    dockerfile: lines('FROM busybox AS a', 'ONBUILD RUN echo t >> /t', 'FROM a AS b', 'FROM b'),
  },
  {
    name: 'onbuild-config',
    dockerfile: lines(
      'FROM busybox AS a',
      'ONBUILD ENV A=1',
      'ONBUILD USER node',
      'ONBUILD CMD ["x"]',
      'ONBUILD EXPOSE 80',
      'ONBUILD VOLUME /v',
      'ONBUILD LABEL l=1',
      'FROM a',
    ),
  },
  {
    name: 'onbuild-copy-from',
    dockerfile: lines(
      'FROM busybox AS src',
      'RUN echo s > /s',
      'FROM busybox AS a',
      'ONBUILD COPY --from=src /s /t',
      'FROM a',
    ),
  },
  {
    name: 'onbuild-of-image-copies-from-stages',
    dockerfile: lines(
      'FROM busybox AS made',
      'RUN echo out > /out',
      'FROM busybox AS other',
      'RUN echo other > /other',
      'FROM with-from-triggers',
      'RUN cat /by-name /by-number /mounted > /all',
    ),
  },
  {
    name: 'onbuild-of-image-of-a-later-stage',
    dockerfile: lines(
      'FROM busybox AS made',
      'RUN echo out > /out',
      'FROM made AS other',
      'RUN echo other > /other',
      'FROM with-from-triggers AS base',
      'RUN touch /own',
      'FROM busybox',
      'COPY --from=base /mounted /own /',
    ),
  },
  {
    name: 'onbuild-of-image-names-no-stage',
    dockerfile: lines('FROM busybox AS other', 'RUN echo other > /other', 'FROM with-from-triggers'),
    fails: true,
  },
  {
    name: 'onbuild-continued',
    dockerfile: lines('FROM busybox AS a', 'ONBUILD RUN echo a \\', '  && echo b > /b', 'FROM a'),
  },
]
