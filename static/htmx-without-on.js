// htmx looks for hx-on in the names of all attributes of all elements, which takes a tenth of a second on a long page.
// There is none in Narrows, and its policy would not run one: nothing is looked for.
XPathEvaluator.prototype.createExpression = () => ({ evaluate: () => ({ iterateNext: () => null }) });
