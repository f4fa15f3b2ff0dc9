import { describe, expect, test } from 'vitest'
import { formatEndpoint, parseEndpoint } from '../../src/config/endpoint.ts'

describe('endpoints', () => {
  test.each([
    ['local', { kind: 'local' }],
    ['unix:///run/docker.sock', { kind: 'unix', path: '/run/docker.sock' }],
    ['tcp://10.0.0.7:2375', { kind: 'tcp', host: '10.0.0.7', port: 2375 }],
    ['tcp://[fd00::7]:2375', { kind: 'tcp', host: 'fd00::7', port: 2375 }],
    ['tcp://board:2376?tls=true', { kind: 'tcp', host: 'board', port: 2376, tls: {} }],
    [
      'tcp://board:2376?ca=/c/ca.pem&servername=x.example',
      { kind: 'tcp', host: 'board', port: 2376, tls: { ca: '/c/ca.pem', servername: 'x.example' } },
    ],
    ['tcp://board:2376?insecure=1', { kind: 'tcp', host: 'board', port: 2376, tls: { insecure: true } }],
    ['ssh://board', { kind: 'ssh', host: 'board' }],
    [
      'ssh://pi@board.example:2222/run/user/1000/podman/podman.sock',
      { kind: 'ssh', user: 'pi', host: 'board.example', port: 2222, socket: '/run/user/1000/podman/podman.sock' },
    ],
    ['docker-container://buildkitd', { kind: 'container', name: 'buildkitd' }],
    [
      'docker-container://b?context=lab&image=moby/buildkit:v0.25&network=host',
      { kind: 'container', name: 'b', context: 'lab', image: 'moby/buildkit:v0.25', network: 'host' },
    ],
    [
      'kube-pod://builder-0?namespace=ci&container=buildkitd&context=prod',
      { kind: 'pod', pod: 'builder-0', namespace: 'ci', container: 'buildkitd', context: 'prod' },
    ],
  ])('%s is read, and written so that it is read the same', (text, endpoint) => {
    expect(parseEndpoint(text)).toEqual(endpoint)
    expect(parseEndpoint(formatEndpoint(parseEndpoint(text)))).toEqual(endpoint)
  })

  test('a folder of certificates stands for its three files', () => {
    expect(parseEndpoint('tcp://board:2376?certs=/home/u/certs/')).toMatchObject({
      tls: { ca: '/home/u/certs/ca.pem', cert: '/home/u/certs/cert.pem', key: '/home/u/certs/key.pem' },
    })
  })

  test.each([
    ['', /it is not an endpoint/],
    ['docker', /it is not an endpoint/],
    ['shh://board', /unknown scheme "shh:\/\/"/],
    ['unix://run/docker.sock', /not absolute/],
    ['tcp://board', /the port is missing/],
    ['tcp://board:99999', /port 99999 is not valid/],
    ['tcp://:2375', /host is missing/],
    ['tcp://board:2376?cert=/c.pem', /cert and key go together/],
    ['tcp://board:2376?tls=false&ca=/c.pem', /contradicts/],
    ['tcp://board:2376?tls=maybe', /neither true nor false/],
    ['tcp://board:2376?color=red', /no setting "color"/],
    ['tcp://board:2376?ca=/a&ca=/b', /there twice/],
    ['unix:///run/docker.sock?tls=1', /no setting "tls"/],
    ['ssh://-oProxyCommand=evil', /host is missing/],
    ['ssh://-l@board', /not a user name/],
    ['ssh://board/run/$(evil).sock', /letters, digits/],
    ["ssh://board/run/a'b", /letters, digits/],
    ['docker-container://', /name of the container is missing/],
    ['docker-container://-rm', /name of the container is missing/],
    ['kube-pod://pod?namespace=--all', /starts with a dash/],
  ])('%s is refused', (text, message) => {
    expect(() => parseEndpoint(text)).toThrow(message)
  })

  test('a password is refused without being repeated', () => {
    expect(() => parseEndpoint('ssh://user:hunter2@board')).toThrow(/^(?!.*hunter2).*password/)
  })
})
