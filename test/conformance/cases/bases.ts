import { lines } from './lines.ts'

/** Base images beside `busybox`, which BuildKit makes from it once. */
export const BASES: Readonly<Record<string, string>> = {
  'with-config': lines(
    'FROM busybox',
    'ENV FIRST=1 SECOND="two words"',
    'LABEL kept=yes changed=no',
    'USER node:node',
    'WORKDIR /work',
    'EXPOSE 80 53/udp',
    'VOLUME /data',
    'HEALTHCHECK --interval=5s --retries=2 CMD true',
    'STOPSIGNAL SIGINT',
    'SHELL ["/bin/sh", "-e", "-c"]',
    'ENTRYPOINT ["echo"]',
    'CMD ["hello"]',
  ),
  'with-triggers': lines(
    'FROM busybox',
    'ONBUILD ARG WHO=nobody',
    'ONBUILD ENV WHO=$WHO',
    'ONBUILD COPY . /app',
    'ONBUILD RUN echo "$WHO" > /who',
    'ONBUILD WORKDIR /app',
  ),
  'with-from-triggers': lines(
    'FROM busybox',
    'ONBUILD COPY --from=made /out /by-name',
    'ONBUILD COPY --from=0 /out /by-number',
    'ONBUILD RUN --mount=from=Other,target=/m cat /m/other > /mounted',
  ),
  'with-files': lines(
    'FROM busybox',
    'RUN mkdir -p /tree/deep/er /empty && echo a > /tree/a && echo b > /tree/deep/b && echo c > /tree/deep/er/c \\',
    '  && ln -s a /tree/link && ln /tree/a /tree/hard && chmod 700 /tree/deep && chown 12:34 /tree/deep/b \\',
    '  && mkdir /target && ln -s target /to-folder && ln -s /target/file /to-file && ln -s nowhere /dangling \\',
    '  && mkdir -m 1777 /sticky && mkdir -m 2775 /setgid && chown 5:6 /setgid && touch /suid && chmod 4755 /suid',
  ),
}
