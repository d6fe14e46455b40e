package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	services  = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	nodes     = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	endpoints = schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
)

// runBalancer gives Services of type LoadBalancer addresses that the machine
// itself reaches: it routes each to a node on which a ready endpoint runs, so
// that connections show where they come from, as a cloud's load balancer does
// with externalTrafficPolicy Local. It stands for no cloud's.
func runBalancer() {
	kubeconfig := flag.String("kubeconfig", "", "of an administrator")
	pool := flag.String("pool", "", "the addresses that are handed out, a CIDR")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := balance(ctx, *kubeconfig, *pool); ctx.Err() == nil {
		check(err)
	}
}

// balancer is the whole state: what the API server has, and the routes that are set.
type balancer struct {
	client                  dynamic.Interface
	pool                    netip.Prefix
	services, slices, nodes cache.SharedIndexInformer
	routes                  map[string]string // address: node's address
}

func balance(ctx context.Context, kubeconfig, pool string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	prefix, err := netip.ParsePrefix(pool)
	if err != nil {
		return err
	}
	factory := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	b := &balancer{
		client: client, pool: prefix, routes: map[string]string{},
		services: factory.ForResource(services).Informer(), slices: factory.ForResource(endpoints).Informer(), nodes: factory.ForResource(nodes).Informer(),
	}
	changed := make(chan struct{}, 1)
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	for _, informer := range []cache.SharedIndexInformer{b.services, b.slices, b.nodes} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { tell() }, UpdateFunc: func(any, any) { tell() }, DeleteFunc: func(any) { tell() },
		}); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	for {
		select {
		case <-ctx.Done():
			b.clear()
			return nil
		case <-changed:
			b.pass(ctx)
		}
	}
}

// pass gives every Service its address and every address its route.
func (b *balancer) pass(ctx context.Context) {
	wanted := map[string]string{}
	taken := map[string]bool{}
	var without []*unstructured.Unstructured
	for _, o := range b.services.GetStore().List() {
		s := o.(*unstructured.Unstructured)
		if kind, _, _ := unstructured.NestedString(s.Object, "spec", "type"); kind != "LoadBalancer" {
			continue
		}
		if address := addressOf(s); address != "" {
			taken[address] = true
			wanted[address] = b.nodeFor(s)
		} else {
			without = append(without, s)
		}
	}
	for _, s := range without {
		b.assign(ctx, s, taken)
	}
	b.route(wanted)
}

func addressOf(s *unstructured.Unstructured) string {
	ingress, _, _ := unstructured.NestedSlice(s.Object, "status", "loadBalancer", "ingress")
	if len(ingress) == 0 {
		return ""
	}
	first, _ := ingress[0].(map[string]any)
	address, _ := first["ip"].(string)
	return address
}

// assign gives a Service the first free address.
func (b *balancer) assign(ctx context.Context, s *unstructured.Unstructured, taken map[string]bool) {
	address := b.pool.Addr().Next()
	for taken[address.String()] {
		address = address.Next()
	}
	if !b.pool.Contains(address) {
		log.Printf("no address is free for %s/%s", s.GetNamespace(), s.GetName())
		return
	}
	taken[address.String()] = true
	patch := fmt.Sprintf(`{"status":{"loadBalancer":{"ingress":[{"ip":%q}]}}}`, address)
	if _, err := b.client.Resource(services).Namespace(s.GetNamespace()).Patch(ctx, s.GetName(), types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
		log.Print(err)
	}
}

// nodeFor is the address of a node on which a ready endpoint of a Service runs.
func (b *balancer) nodeFor(s *unstructured.Unstructured) string {
	for _, o := range b.slices.GetStore().List() {
		slice := o.(*unstructured.Unstructured)
		if slice.GetNamespace() != s.GetNamespace() || slice.GetLabels()["kubernetes.io/service-name"] != s.GetName() {
			continue
		}
		found, _, _ := unstructured.NestedSlice(slice.Object, "endpoints")
		for _, e := range found {
			endpoint, _ := e.(map[string]any)
			ready, _, _ := unstructured.NestedBool(endpoint, "conditions", "ready")
			node, _ := endpoint["nodeName"].(string)
			if address := b.nodeAddress(node); ready && address != "" {
				return address
			}
		}
	}
	return ""
}

func (b *balancer) nodeAddress(name string) string {
	o, ok, _ := b.nodes.GetStore().GetByKey(name)
	if !ok {
		return ""
	}
	addresses, _, _ := unstructured.NestedSlice(o.(*unstructured.Unstructured).Object, "status", "addresses")
	i := slices.IndexFunc(addresses, func(a any) bool { m, _ := a.(map[string]any); return m["type"] == "InternalIP" })
	if i < 0 {
		return ""
	}
	address, _ := addresses[i].(map[string]any)["address"].(string)
	return address
}

// route brings the machine's routes to what is wanted. An address without a
// ready endpoint is refused at once, as a load balancer without a healthy target
// refuses.
func (b *balancer) route(wanted map[string]string) {
	for address, node := range wanted {
		if old, set := b.routes[address]; set && old == node {
			continue
		}
		arguments := []string{"route", "replace", "unreachable", address + "/32"}
		if node != "" {
			arguments = []string{"route", "replace", address + "/32", "via", node}
		}
		// A route of another kind is not replaced but stands beside it.
		_ = exec.Command("ip", "route", "flush", "exact", address+"/32").Run()
		if out, err := exec.Command("ip", arguments...).CombinedOutput(); err != nil {
			log.Printf("ip %v: %s", arguments, out)
			continue
		}
		b.routes[address] = node
	}
	for address := range b.routes {
		if _, still := wanted[address]; !still {
			_ = exec.Command("ip", "route", "flush", "exact", address+"/32").Run()
			delete(b.routes, address)
		}
	}
}

func (b *balancer) clear() { b.route(nil) }
