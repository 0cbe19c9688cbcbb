# Read only, never run: the provider of the apps is configured with an output of the cluster.

module "network" {
  source = "./network"
}

module "cluster" {
  source  = "./cluster"
  network = module.network.id
}

provider "kubernetes" {
  host = module.cluster.endpoint
}

module "apps" {
  source = "./apps"
}
