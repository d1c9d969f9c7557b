// Finds the mutants of a compiled module and writes all of them into one text, behind switches: one
// load serves every mutant. Leaves assertions and the words of messages alone.

import { parse } from 'acorn';

/** The other operator of each pair is the mistake that people make. */
const operators = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '**': ['*'],
  '&': ['|'],
  '|': ['&'],
  '^': ['&'],
  '<<': ['>>'],
  '>>': ['<<'],
  '>>>': ['<<'],
  '&&': ['||'],
  '||': ['&&'],
  '+=': ['-='],
  '-=': ['+='],
  '*=': ['/='],
  '/=': ['*='],
  '|=': ['&='],
  '&=': ['|='],
  '^=': ['&='],
};
const methods = {
  __proto__: null,
  min: 'max',
  max: 'min',
  floor: 'ceil',
  ceil: 'floor',
  some: 'every',
  every: 'some',
};

const isText = (node) =>
  node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string');

function children(node) {
  return Object.entries(node).flatMap(([key, value]) => {
    if (key === 'key' && !node.computed) return [];
    return [value].flat().filter((child) => typeof child?.type === 'string');
  });
}

/**
 * Texts that could stand in a node's place, each a mistake. Cut at the ends of parts, which leave
 * their brackets out.
 */
function variants(node, parent, text) {
  switch (node.type) {
    case 'BinaryExpression':
      if (isText(node.left) || isText(node.right)) return [];
      return swaps(node, text);
    case 'LogicalExpression':
      if (node.operator !== '??') return swaps(node, text);
      return [text.slice(node.start, text.indexOf('??', node.left.end))];
    case 'AssignmentExpression':
      return swaps(node, text);
    case 'UnaryExpression':
      return node.operator === '!' || node.operator === '-'
        ? [text.slice(node.start + 1, node.end)]
        : [];
    case 'UpdateExpression': {
      const operator = node.operator === '++' ? '--' : '++';
      return [text.slice(node.start, node.end).replace(node.operator, operator)];
    }
    case 'Literal':
      return literalVariants(node, parent);
    case 'CallExpression': {
      const { object, property, computed, optional } = node.callee;
      const other = object && !computed && !optional && methods[property.name];
      if (!other) return [];
      return [text.slice(node.start, property.start) + other + text.slice(property.end, node.end)];
    }
    default:
      return [];
  }
}

function swaps({ start, end, left, right, operator }, text) {
  const between = text.slice(left.end, right.start);
  return (Object.hasOwn(operators, operator) ? operators[operator] : []).map(
    (other) =>
      text.slice(start, left.end) +
      between.replace(operator, () => other) +
      text.slice(right.start, end),
  );
}

function literalVariants({ value, raw }, parent) {
  if (typeof value === 'boolean') return [String(!value)];
  if (typeof value === 'bigint') return [`${raw} + 1n`];
  // -1 is mutated as a whole.
  if (typeof value !== 'number' || parent.type === 'UnaryExpression') return [];
  return value === 0 || value === 1 ? [String(1 - value)] : [`${raw} + 1`, '0'];
}

/** Conditions go to each side; a loop that never ends tells nothing. */
function conditionVariants(node, parent) {
  if (parent.test !== node) return [];
  if (parent.type === 'IfStatement' || parent.type === 'ConditionalExpression')
    return ['true', 'false'];
  return /^(For|While|DoWhile)Statement$/.test(parent.type) ? ['false'] : [];
}

/** A statement that only does something may do nothing. */
const removal = (node, parent) =>
  parent.type === 'ExpressionStatement' &&
  /^(Call|Assignment|Update|Await)Expression$/.test(node.type)
    ? ['undefined']
    : [];

const isLeftAlone = (node) =>
  node.type === 'TemplateLiteral' ||
  node.type === 'ImportDeclaration' ||
  node.type === 'ExportAllDeclaration' ||
  // Its parts cannot be bracketed one by one: what follows hangs on them.
  node.type === 'ChainExpression' ||
  (node.type === 'CallExpression' && node.callee.name === 'assert');

/**
 * @param firstId of the mutants of this module; they are numbered on from there.
 * @param isWanted says of a mutant whether it is to be written into the text.
 * @returns text: the module with its mutants; mutants: { id, from, to, line, column }, all that
 * there are.
 */
export function mutate(text, firstId, isWanted) {
  const ast = parse(text, { ecmaVersion: 'latest', sourceType: 'module', locations: true });
  const mutants = [];
  const write = (node, parent) => {
    if (isLeftAlone(node)) return text.slice(node.start, node.end);
    const to = [
      ...new Set([
        ...variants(node, parent, text),
        ...conditionVariants(node, parent),
        ...removal(node, parent),
      ]),
    ];
    const switches = to.flatMap((variant) => {
      const mutant = { id: firstId + mutants.length, ...described(text, node, variant) };
      mutants.push(mutant);
      return isWanted(mutant) ? [`$mutants.is(${mutant.id}) ? (${variant}) : `] : [];
    });
    const inner = spliced(node);
    return switches.length === 0 ? inner : `(${switches.join('')}(${inner}))`;
  };
  const spliced = (node) => {
    let written = '';
    let at = node.start;
    for (const child of children(node).sort((a, b) => a.start - b.start)) {
      // Shorthand properties hold the same node twice.
      if (child.start < at) continue;
      written += text.slice(at, child.start) + write(child, node);
      at = child.end;
    }
    return written + text.slice(at, node.end);
  };
  const written = text.slice(0, ast.start) + spliced(ast) + text.slice(ast.end);
  return { text: `const $mutants = globalThis.$mutants; ${written}`, mutants };
}

/** The lines around a node, before and after: how a person would name the mutant. */
function described(text, { start, end, loc }, variant) {
  const before = text.slice(text.lastIndexOf('\n', start) + 1, start);
  const after = text.slice(end, text.indexOf('\n', end));
  const line = (middle) => `${before}${middle}${after}`.replace(/\s+/g, ' ').trim().slice(0, 160);
  const { line: at, column } = loc.start;
  return { from: line(text.slice(start, end)), to: line(variant), line: at, column };
}
