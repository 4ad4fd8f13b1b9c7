import type { PromptPath } from '@routesim/algorithms'
import { NO_NODE, type RequestTable, type RequestView, type RoutingAlgorithm } from '@routesim/core'

/** Lets a router read the content of prompts from the table that they come from. */
export function withPromptContent(
  router: RoutingAlgorithm,
  requests: RequestTable,
): RoutingAlgorithm {
  return {
    ...router,
    name: router.name,
    route: (request, cluster) => router.route(withContent(request, requests), cluster),
  }
}

function withContent(request: RequestView, { prompts, promptNode }: RequestTable): RequestView {
  const promptPath = (out: PromptPath): void => {
    out.clear()
    const nodes: number[] = []
    for (let node = promptNode[request.id]!; node !== NO_NODE; node = prompts.parent[node]!) {
      nodes.push(node)
    }
    for (const node of nodes.reverse()) out.push(node, prompts.endTokens[node]!)
  }
  return new Proxy(request, {
    get: (view, key) => (key === 'promptPath' ? promptPath : Reflect.get(view, key, view)),
  })
}
