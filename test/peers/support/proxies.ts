import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'

/** A running proxy of one test. */
export type Proxy = { readonly url: string; stop(): Promise<void> }

/** What an app behind a proxy received: it answers every request with a page that shows its headers. */
export async function startEcho(port: number): Promise<Proxy> {
  const server: Server = createServer((request, response) => {
    if (request.url === '/ready') {
      response.end('ready')
      return
    }
    const html = request.headers.accept?.includes('text/html') === true
    response.setHeader('content-type', html ? 'text/html' : 'application/json')
    const text = JSON.stringify({ url: request.url, method: request.method, headers: request.headers })
    const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
    response.end(
      html
        ? `<!doctype html><link rel="icon" href="data:,"><title>The app</title><pre>${escaped}</pre>`
        : text,
    )
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

async function run(
  name: string,
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  url: string,
): Promise<Proxy> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => {
      said += text.toString()
    })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const kill = () => void child.kill('SIGTERM')
  process.once('exit', kill)
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`${name} ended at once:\n${said}`)
    const up = await fetch(url, { redirect: 'manual' }).catch(() => undefined)
    if (up !== undefined)
      return {
        url,
        stop: async () => {
          process.off('exit', kill)
          kill()
          await ended
        },
      }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  kill()
  throw new Error(`${name} did not answer:\n${said}`)
}

/**
 * Debian's nginx with a configuration of its own.
 *
 * @param server what stands in `http { … }`; it listens on 127.0.0.1:`port`
 */
export function startNginx(folder: string, port: number, server: string): Promise<Proxy> {
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o777)
  const file = join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
${server}
}
`,
  )
  return run(
    'nginx',
    '/usr/sbin/nginx',
    ['-p', folder, '-c', file, '-e', 'stderr'],
    { PATH: '/usr/bin:/bin' },
    `http://127.0.0.1:${port}`,
  )
}

/** Debian's Caddy with a Caddyfile of its own, without its admin port and without certificates. */
export function startCaddy(folder: string, port: number, site: string): Promise<Proxy> {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'Caddyfile')
  writeFileSync(
    file,
    `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
${site}
}
`,
  )
  return run(
    'Caddy',
    '/usr/bin/caddy',
    ['run', '--config', file, '--adapter', 'caddyfile'],
    { PATH: '/usr/bin:/bin', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    `http://127.0.0.1:${port}`,
  )
}
