import { Argument, InvalidArgumentError, Option } from 'commander';
import type { CommandArgument, CommandOption } from './command-definition.js';

/** Describes a positional argument to commander. */
export function toArgument(argument: CommandArgument): Argument {
  const name = argument.variadic === true ? `${argument.name}...` : argument.name;
  return new Argument(argument.required === false ? `[${name}]` : `<${name}>`, argument.summary);
}

/** Describes an option to commander. */
export function toOption(option: CommandOption): Option {
  const result = new Option(option.flags, option.summary);
  if (option.required === true) result.makeOptionMandatory();
  if (option.defaultValue !== undefined) result.default(option.defaultValue);
  // Only for the help: the parser below takes the place of the one that this sets.
  if (option.choices !== undefined) result.choices(option.choices);
  // A flag has no value to check.
  if (result.isBoolean()) return result;
  return result.argParser((value: string, earlier: unknown) => {
    assertValue(option, value);
    if (option.repeatable !== true) return value;
    return [...(Array.isArray(earlier) ? (earlier as readonly string[]) : []), value];
  });
}

function assertValue({ choices, check }: CommandOption, value: string): void {
  if (choices?.includes(value) === false) {
    throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
  }
  const problem = check?.(value);
  if (problem !== undefined) throw new InvalidArgumentError(problem);
}
