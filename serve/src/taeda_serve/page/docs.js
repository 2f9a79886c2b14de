// Renders /openapi.json as a plain list of routes.

const description = await (await fetch("/openapi.json")).json();

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function operationCard(path, method, operation) {
  const card = element(
    "article",
    "card route",
    element("h2", "", element("span", "method", method.toUpperCase()), path),
    element("p", "", operation.summary),
  );
  const queries = operation.parameters.filter((parameter) => parameter.in === "query");
  for (const query of queries) card.append(element("p", "", `?${query.name}: ${query.description}`));
  const body = operation.requestBody?.content;
  if (body) card.append(element("p", "", `Body: ${Object.keys(body).join(" or ")}`));
  if (operation.security) card.append(element("p", "", "Needs the header Authorization: Bearer TOKEN"));
  card.append(element("p", "", `Answers: ${Object.keys(operation.responses).join(", ")}`));
  return card;
}

for (const [path, operations] of Object.entries(description.paths)) {
  for (const [method, operation] of Object.entries(operations)) {
    document.getElementById("routes").append(operationCard(path, method, operation));
  }
}
