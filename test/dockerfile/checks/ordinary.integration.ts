import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseDockerfile } from '../../../src/dockerfile/parse.ts'
import { findings } from './check-text.ts'

/** Files as people write them, in which nothing is wrong. */
const ORDINARY = {
  node: `# syntax=docker/dockerfile:1
ARG NODE_VERSION=22
FROM node:\${NODE_VERSION}-slim AS base
ENV PNPM_HOME="/pnpm"
ENV PATH="$PNPM_HOME:$PATH"
WORKDIR /app
COPY package.json pnpm-lock.yaml ./

FROM base AS deps
RUN --mount=type=cache,id=pnpm,target=/pnpm/store pnpm install --prod --frozen-lockfile

FROM base
ENV NODE_ENV=production
COPY --from=deps /app/node_modules node_modules
COPY . .
USER node
EXPOSE 3000
HEALTHCHECK --interval=30s CMD wget -qO- http://localhost:3000/health || exit 1
CMD ["node", "server.js"]
`,
  go: `FROM --platform=$BUILDPLATFORM golang:1.24-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags="-s -w" -o /out/app ./cmd/app

FROM gcr.io/distroless/static:nonroot
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
`,
  python: `FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 \\
    PIP_NO_CACHE_DIR=1
ARG UID=10001
RUN adduser --uid "\${UID}" --disabled-password app
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY --chown=app:app . .
USER app
ENV PYTHONPATH="/app\${PYTHONPATH:+:$PYTHONPATH}"
CMD ["gunicorn", "-b", "0.0.0.0:8000", "app:app"]
`,
  download: `FROM debian:12-slim
ARG TARGETARCH
ARG KUBECTL_VERSION=v1.33.0
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl && rm -rf /var/lib/apt/lists/*
ADD --chmod=755 https://dl.k8s.io/release/\${KUBECTL_VERSION}/bin/linux/\${TARGETARCH}/kubectl /usr/local/bin/kubectl
RUN set -eux; \\
    arch="$(dpkg --print-architecture)"; \\
    case "$arch" in \\
      amd64) url='https://example.com/tool-linux-x86_64.tar.gz' ;; \\
      arm64) url='https://example.com/tool-linux-aarch64.tar.gz' ;; \\
      *) echo >&2 "unsupported: $arch"; exit 1 ;; \\
    esac; \\
    curl -fsSL "$url" | tar -xz -C /usr/local
RUN curl -fsSL https://deb.nodesource.com/setup_22.x | bash -
RUN echo 'deb [signed-by=/etc/apt/keyrings/x.gpg arch=amd64] https://example.com/apt stable main' > /etc/apt/sources.list.d/x.list
ENTRYPOINT ["kubectl"]
`,
  java: `FROM eclipse-temurin:21-jdk AS build
WORKDIR /workspace
COPY . .
RUN ./mvnw -q package

FROM eclipse-temurin:21-jre
ENV JAVA_OPTS="" PATH=$JAVA_HOME/bin:$PATH
COPY --from=build /workspace/target/*.jar /app.jar
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENTRYPOINT exec java $JAVA_OPTS -jar /app.jar
`,
}

describe.each([['linux/amd64'], ['linux/arm64'], ['linux/arm/v7']])('for %s', (platform) => {
  test.each(Object.entries(ORDINARY))('nothing is found in an ordinary %s file', (_, text) => {
    expect(findings(text, { platforms: [platform] })).toEqual([])
  })
})

const examples = join(import.meta.dirname, '../../../examples')
const dockerfiles = readdirSync(examples, { recursive: true, encoding: 'utf8' }).filter((path) =>
  /(^|\/)Dockerfile$/.test(path),
)

test.each(dockerfiles)('nothing is found in examples/%s', (path) => {
  expect(findings(readFileSync(join(examples, path), 'utf8'))).toEqual([])
})

test('a large hostile file is looked over in a bounded time', () => {
  const lines = Array.from({ length: 10_000 }, (_, i) => `ENV A${i}=$B${i} C${i}=\${D${i}:-x}`)
  const text = `FROM scratch\n${lines.join('\n')}\nRUN curl ${'https://a/'.repeat(5_000)} ${'a-'.repeat(50_000)} GOARCH=${'x'.repeat(50_000)}\n`
  expect(parseDockerfile(text, { file: 'Dockerfile' }).diagnostics).toEqual([])
  expect(findings(text).length).toBeGreaterThan(400)
})
