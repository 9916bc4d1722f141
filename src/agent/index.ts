/**
 * `signet agent`: gives a role's credentials to every SDK on this machine, without any endpoint setting, in the two shapes
 * that all of them know: the container endpoint, and EC2's instance metadata (version 2 alone). It listens on loopback, and
 * renews ahead, so that no client waits.
 */
export { agentCommand } from './command.ts'
