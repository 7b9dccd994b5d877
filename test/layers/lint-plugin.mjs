// Rules of this project that oxlint does not have: no shell anywhere in the product, nothing asynchronous in the pure core.

/** `{ shell: … }` as an option, or child_process loaded in a way that the import rules do not see. */
const noShell = {
  create: (context) => ({
    Property(node) {
      if (node.parent.type !== 'ObjectExpression' || keyOf(node) !== 'shell') return;
      if (node.value.type === 'Literal' && node.value.value === false) return;
      context.report({ node, message: 'Start programs with an argument vector; a shell makes data into code.' });
    },
    ImportExpression(node) {
      if (isChildProcess(node.source))
        context.report({ node, message: 'Import child_process statically and by name.' });
    },
    CallExpression(node) {
      if (node.callee.type === 'Identifier' && node.callee.name === 'require' && isChildProcess(node.arguments[0])) {
        context.report({ node, message: 'Import child_process statically and by name.' });
      }
    },
  }),
};

/** The pure core answers at once: `step(state, input, now)`. */
const noAsync = {
  create(context) {
    const refuse = (node) =>
      context.report({ node, message: 'The pure core has no promises: return outputs instead.' });
    const refuseIfAsync = (node) => node.async && refuse(node);
    return {
      ArrowFunctionExpression: refuseIfAsync,
      FunctionDeclaration: refuseIfAsync,
      FunctionExpression: refuseIfAsync,
      AwaitExpression: refuse,
      Identifier: (node) => node.name === 'Promise' && refuse(node),
    };
  },
};

export default { meta: { name: 'sluice' }, rules: { 'no-shell': noShell, 'no-async': noAsync } };

function keyOf(property) {
  if (property.computed) return null;
  return property.key.type === 'Identifier' ? property.key.name : property.key.value;
}

function isChildProcess(node) {
  return node?.type === 'Literal' && /^(node:)?child_process$/.test(String(node.value));
}
