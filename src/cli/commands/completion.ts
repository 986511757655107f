import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';

const scripts: Readonly<Record<string, string>> = {
  bash: `# Completion of trireme for bash: source <(trireme completion bash)
_trireme() {
  local IFS=$'\\n'
  COMPREPLY=($(trireme __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  # A name that ends in = waits for its value.
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -o default -F _trireme trireme
`,
  zsh: `#compdef trireme
# Completion of trireme for zsh: source <(trireme completion zsh)
_trireme() {
  local -a found
  found=("\${(@f)$(trireme __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "$found" ]] && compadd -- $found || _files
}
compdef _trireme trireme
`,
  fish: `# Completion of trireme for fish: trireme completion fish | source
complete -c trireme -a '(trireme __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
};

/** `trireme completion`. */
export const completionCommand = defineCommand({
  name: 'completion',
  summary: 'print a script with which a shell completes commands, flags and names',
  usage: '(bash | zsh | fish)',
  examples: [
    ['for this bash', 'source <(trireme completion bash)'],
    ['for every bash', 'trireme completion bash > /etc/bash_completion.d/trireme'],
    ['for fish', 'trireme completion fish | source'],
  ],
  flags: {},
  completes: 'nothing',
  run: async ({ args, context }) => {
    const [shell] = args;
    if (shell === undefined) throw new CommandLineError('Shell not specified.');
    const script = scripts[shell];
    if (script === undefined || args.length > 1)
      throw new CommandLineError(`Unsupported shell type "${shell}".`);
    context.out(script);
  },
});
